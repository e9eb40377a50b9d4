/// Whether kernel modules fit the kernel: the base's, the one that the archive's name gives, and the one they were built for.
struct KernelCheck {
  let overlay: InspectedOverlay
  let name: OverlayName
  /// The releases of the base's kernels; `nil` when there is no base.
  let kernels: Set<String>?

  func findings() throws(OverlayError) -> [Finding] {
    var findings: [Finding] = []
    var directories: [OverlayPath: [OverlayPath]] = [:]
    for entry in overlay.archive.entries.values where !entry.isDirectory && !entry.isWhiteout {
      guard let place = ModulePlace(entry.path), place.directory != entry.path else {
        if let finding = strayModule(entry.path) { findings.append(finding) }
        continue
      }
      directories[place.directory, default: []].append(entry.path)
    }
    for (directory, files) in directories {
      guard let release = ModulePlace(directory)?.release else { continue }
      findings += problems(of: directory, release)
      let modules = files.filter { isModule($0) }
      findings += modules.compactMap { built($0, for: release) }
      if let finding = dependencies(directory, modules) { findings.append(finding) }
    }
    if let kernel = name.kernel, let kernels, !kernels.isEmpty, !kernels.contains(where: name.gives) {
      findings.append(
        Finding(.error, nil, "the name says that it is for the kernel \(kernel), but the base has \(list(kernels))"))
    }
    return findings
  }

  private func problems(of directory: OverlayPath, _ release: String) -> [Finding] {
    var findings: [Finding] = []
    if let kernels, !kernels.contains(release) {
      findings.append(
        kernels.isEmpty
          ? Finding(.warning, directory, "cannot be compared: the base has no lib/modules, which would name its kernel")
          : Finding(
            .error, directory,
            "is for the kernel \(release), but the base has \(list(kernels)): nothing in it would be loaded"))
    }
    if let kernel = name.kernel, !name.gives(release) {
      findings.append(
        Finding(.error, directory, "is for the kernel \(release), but the archive's name says \(kernel)"))
    }
    return findings
  }

  private func built(_ module: OverlayPath, for release: String) -> Finding? {
    guard case .elf(let facts)? = overlay.archive.nature(of: module), let built = facts.moduleRelease, built != release
    else { return nil }
    return Finding(
      .error, module,
      "was built for the kernel \(built), not for \(release), in whose directory it is: it cannot be loaded")
  }

  /// Vendors keep modules beside their tools and load them with insmod.
  private func strayModule(_ path: OverlayPath) -> Finding? {
    guard let kernels, !kernels.isEmpty, isModule(path), case .elf(let facts)? = overlay.archive.nature(of: path),
      let built = facts.moduleRelease, !kernels.contains(built)
    else { return nil }
    return Finding(.warning, path, "was built for the kernel \(built), but the base has \(list(kernels))")
  }

  /// modprobe goes by the list that depmod makes.
  private func dependencies(_ directory: OverlayPath, _ modules: [OverlayPath]) -> Finding? {
    let isListed = ["modules.dep", "modules.dep.bin"].contains {
      overlay.archive.entries[directory.appending(Array($0.utf8))] != nil
    }
    guard !isListed, let base = tree.base, let new = modules.filter({ base[$0] == nil }).min() else { return nil }
    return Finding(
      .warning, new,
      "is not in the base's modules.dep, and the overlay brings none along: modprobe will not find it;"
        + " run depmod in the overlay's shell, or load it with insmod")
  }

  private var tree: MergedTree { overlay.tree }

  private func isModule(_ path: OverlayPath) -> Bool {
    [".ko", ".ko.xz", ".ko.zst", ".ko.gz"].contains { path.bytes.hasSuffix($0) }
  }

  private func list(_ releases: Set<String>) -> String { releases.sorted().joined(separator: ", ") }
}
