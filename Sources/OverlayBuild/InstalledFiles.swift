import Overlay

/// Which package brought which file, by dpkg's lists in an overlay: `var/lib/dpkg/info/NAME.list`.
struct InstalledFiles {
  /// The paths that are asked about.
  var changed: Set<OverlayPath>
  var packages: [Lock.Package]

  /// Directories in the root that are symlinks into `usr` on systems with merged directories, where dpkg's lists may still
  /// name the files as if they were not.
  private static let merged = Set(
    ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"].map { Array($0.utf8)[...] })

  /// - Returns: for each path that a package brought, the package. A directory that several have belongs to none.
  func owners(in archive: String) throws(OverlayError) -> [OverlayPath: Lock.Package] {
    let byName = Dictionary(
      packages.flatMap { [($0.name, $0), ("\($0.name):\($0.architecture)", $0)] },
      uniquingKeysWith: { first, _ in first })
    let directory = try OverlayPath("var/lib/dpkg/info")
    var owners: [OverlayPath: Lock.Package] = [:]
    var shared: Set<OverlayPath> = []
    func add(_ path: OverlayPath, _ package: Lock.Package) {
      guard changed.contains(path) else { return }
      if let other = owners.updateValue(package, forKey: path), other != package { shared.insert(path) }
    }
    let reader = try ArchiveReader(archive)
    while let entry = try reader.next() {
      guard entry.path.parent == directory, !entry.isDirectory, !entry.isWhiteout,
        let dot = entry.path.name.lastIndex(of: UInt8(ascii: ".")),
        let package = byName[String(decoding: entry.path.name[..<dot], as: UTF8.self)]
      else { continue }
      add(entry.path, package)
      guard entry.path.name[dot...].elementsEqual(".list".utf8) else { continue }
      var text: [UInt8] = []
      while let block = try reader.nextBlock() { text += block }
      for line in text.split(separator: UInt8(ascii: "\n")) {
        // The list names its paths from the root on, and the root itself as "/.".
        guard let path = try? OverlayPath(archiveName: line.dropFirst()) else { continue }
        add(path, package)
        if let first = path.components.first, Self.merged.contains(first) {
          add(try OverlayPath(archiveName: Array("usr/".utf8) + path.bytes), package)
        }
      }
    }
    for path in shared { owners[path] = nil }
    return owners
  }
}
