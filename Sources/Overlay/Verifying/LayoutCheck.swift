/// Whether the overlay's tree fits over the base's: whoever may enter a directory of the base still may, no directory of the
/// base is hidden by accident, and symlinks lead to something.
struct LayoutCheck {
  let overlay: InspectedOverlay

  private var tree: MergedTree { overlay.tree }

  func findings() -> [Finding] {
    let base = tree.base.map { MergedTree([], base: $0) }
    var findings = overlay.archive.entries.values.flatMap { entry in
      [openness(entry), belowFile(entry), link(entry)].compactMap { $0 }
    }
    if let base {
      findings += tree.overlay.values.compactMap { hidden($0, by: base) }
    }
    return findings
  }

  /// The mode that the overlay gives a directory is the mode that it has on the node.
  private func openness(_ entry: Entry) -> Finding? {
    guard entry.isDirectory else { return nil }
    let mode = Self.octal(entry.permissions)
    if entry.path.isRoot {
      guard entry.permissions & 0o111 != 0o111 else { return nil }
      return Finding(
        .error, .mode, entry.path,
        "has the mode \(mode), which becomes that of the node's / : only its owner gets to any file, so that services"
          + " which do not run as root fail (mktemp -d makes such directories); chmod 755 it and pack again")
    }
    guard let base = tree.base?[entry.path], base.kind == .directory, base.permissions & 0o001 != 0,
      entry.permissions & 0o001 == 0
    else { return nil }
    return Finding(
      .warning, .mode, entry.path,
      "has the mode \(mode) in the overlay and \(Self.octal(base.permissions)) in the base: only root and"
        + " whom the mode names will get to what is in it")
  }

  private static func octal(_ mode: UInt32) -> String { "0" + String(mode, radix: 8) }

  private func belowFile(_ entry: Entry) -> Finding? {
    for parent in entry.path.ancestors {
      guard let node = tree.overlay[parent], node.kind != .directory else { continue }
      let kind = overlay.archive.entries[parent].map { "\($0.kind)" } ?? "file"
      return Finding(
        .error, .unpack, entry.path, "is in \(parent), which this overlay makes a \(kind): it cannot be unpacked")
    }
    return nil
  }

  private func link(_ entry: Entry) -> Finding? {
    guard case .symlink(let target) = entry.kind, let parent = entry.path.parent else { return nil }
    guard case .missing(let reason) = tree.resolve(target, from: parent) else { return nil }
    return Finding(
      .warning, .link, entry.path, "is a symlink to \(OverlayPath.printable(target)), which \(reason)",
      cause: "is a symlink to a path that \(reason)")
  }

  /// A name that means a directory in one layer and something else in the other takes the directory's contents away.
  private func hidden(_ node: MergedTree.Node, by base: MergedTree) -> Finding? {
    guard let below = base.base?[node.path] else { return nil }
    switch (node.kind, below.kind) {
    case (.directory, .symlink(let target)):
      guard case .found(let place) = base.resolve(node.path.bytes), place.kind == .directory else { return nil }
      return Finding(
        .error, .hidden, node.path,
        "is a directory here, but a symlink to \(OverlayPath.printable(target)) in the base: everything in /\(node.path)"
          + " would be gone; put these files into \(place.path)")
    case (.file, .directory), (.symlink, .directory), (.other, .directory):
      return Finding(.warning, .hidden, node.path, "replaces a directory of the base and hides everything in it")
    default: return nil
    }
  }
}
