/// Which package a file belongs to, by the lists that dpkg keeps: `var/lib/dpkg/info/pciutils.list` has a line for each path.
public struct PackageLists: Sendable {
  /// The names of packages, with the architecture where dpkg keeps a list for each: `libc6:amd64`.
  private var owners: [OverlayPath: [String]] = [:]

  private static let directory = "var/lib/dpkg/info/"
  private static let ending = ".list"
  /// Bytes of all lists. Those of a large installation have 30 MB.
  private static let longest = 256 << 20

  /// A Debian that has merged its directories has these as symlinks to the ones under `usr`. Lists of older packages name files
  /// by the symlinks.
  private static let merged: Set<String> = ["bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"]

  /// No lists.
  public init() {}

  /// Reads the lists of an archive. Those of the base image are not read: what is in an overlay does not come from there.
  public init(_ archive: ArchiveIndex, limits: ArchiveLimits = ArchiveLimits()) throws(OverlayError) {
    let lists = archive.entries.map(\.path).filter { Self.package(ofList: $0) != nil }
    guard !lists.isEmpty else { return }
    for (path, bytes) in try archive.contents(of: lists, limit: Self.longest, limits: limits) {
      guard let package = Self.package(ofList: path) else { continue }
      for line in bytes.split(separator: UInt8(ascii: "\n")) where line.first == UInt8(ascii: "/") {
        guard let listed = try? OverlayPath(archiveName: line.drop { $0 == UInt8(ascii: "/") }) else { continue }
        add(package, listed)
        if let first = listed.components.first, Self.merged.contains(String(decoding: first, as: UTF8.self)),
          let behind = try? OverlayPath(archiveName: Array("usr/".utf8) + listed.bytes)
        {
          add(package, behind)
        }
      }
    }
    owners = owners.mapValues { $0.sorted() }
  }

  /// The packages that have a file or directory, sorted. More than one have most directories. A file of dpkg's own about a
  /// package belongs to that package.
  public func packages(of path: OverlayPath) -> [String] {
    owners[path] ?? Self.record(path).map { [$0] } ?? []
  }

  private mutating func add(_ package: String, _ path: OverlayPath) {
    // Each list is read as a whole, so that a name which stands twice in it comes twice without another one between.
    if owners[path]?.last != package { owners[path, default: []].append(package) }
  }

  private static func package(ofList path: OverlayPath) -> String? {
    guard path.bytes.hasSuffix(ending) else { return nil }
    return record(path)
  }

  /// The package that a file of dpkg's directory is about: `pciutils` for `var/lib/dpkg/info/pciutils.md5sums`.
  private static func record(_ path: OverlayPath) -> String? {
    guard path.bytes.starts(with: directory.utf8), let dot = path.name.lastIndex(of: UInt8(ascii: ".")),
      path.parent?.bytes.count == directory.utf8.count - 1
    else { return nil }
    return String(validating: path.name[..<dot], as: UTF8.self)
  }
}
