import Overlay

/// Which package of a step brought which file.
struct InstalledFiles {
  /// The paths that are asked about.
  var changed: Set<OverlayPath>
  var packages: [Lock.Package]

  /// - Returns: for each path that a package brought, the package. A directory that several have belongs to none.
  func owners(in archive: String) throws(OverlayError) -> [OverlayPath: Lock.Package] {
    let byName = Dictionary(
      packages.flatMap { [($0.name, $0), ("\($0.name):\($0.architecture)", $0)] },
      uniquingKeysWith: { first, _ in first })
    let lists = try PackageLists(try ArchiveIndex(archive))
    var owners: [OverlayPath: Lock.Package] = [:]
    for path in changed {
      let found = lists.packages(of: path).compactMap { byName[$0] }
      if let first = found.first, found.allSatisfy({ $0 == first }) { owners[path] = first }
    }
    return owners
  }
}
