/// A package as dpkg's database (`var/lib/dpkg/status`, deb-control(5)) has it.
public struct DebianPackage: Hashable, Sendable {
  public var name: String
  public var version: String
  public var architecture: String
  /// `Name <address>`
  public var maintainer: String?
  /// The source package, with its version where that is another one: `openssl` or `gcc-12 (12.2.0-14)`.
  public var source: String?
  public var homepage: String?

  public init(name: String, version: String, architecture: String) {
    (self.name, self.version, self.architecture) = (name, version, architecture)
  }

  static let status = RecordFile.status
  /// Bytes of a status file that are read; Debian's whole archive described in one takes 60 MB.
  private static let longest = 256 << 20

  /// The packages that a status file says are installed, sorted by name and architecture.
  public static func installed(status bytes: [UInt8]) -> [DebianPackage] {
    RecordFile(bytes, .paragraphs).records.compactMap { DebianPackage($0.lines) }.sorted {
      ($0.name, $0.architecture) < ($1.name, $1.architecture)
    }
  }

  /// The packages that are installed according to an overlay's own status file; none when it has no such file.
  public static func installed(
    in archive: ArchiveIndex, limits: ArchiveLimits = ArchiveLimits()
  ) throws(OverlayError) -> [DebianPackage] {
    let path = try OverlayPath(status)
    return installed(status: try archive.contents(of: [path], limit: longest, limits: limits)[path] ?? [])
  }

  /// The packages of a base image; none when it has no status file.
  public static func installed(in base: BaseImage) throws(OverlayError) -> [DebianPackage] {
    let path = try OverlayPath(status)
    guard base.nodes[path]?.kind == .file else { return [] }
    return installed(status: try base.contents(of: path, limit: longest))
  }

  /// The packages that an overlay installs, or of which it has another version than the base image.
  public static func added(
    by archive: ArchiveIndex, over base: BaseImage, limits: ArchiveLimits = ArchiveLimits()
  ) throws(OverlayError) -> [DebianPackage] {
    let packages = try installed(in: archive, limits: limits)
    guard !packages.isEmpty else { return packages }
    let known = try installed(in: base)
    let versions = Dictionary(known.map { (Key($0), $0.version) }) { $1 }
    return packages.filter { versions[Key($0)] != $0.version }
  }

  private struct Key: Hashable {
    let name: String
    let architecture: String

    init(_ package: DebianPackage) { (name, architecture) = (package.name, package.architecture) }
  }

  /// `nil` for a package that is not installed.
  private init?(_ paragraph: [ArraySlice<UInt8>]) {
    var fields: [String: String] = [:]
    for line in paragraph where line.first != UInt8(ascii: " ") && line.first != UInt8(ascii: "\t") {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
      let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      fields[String(decoding: line[..<colon], as: UTF8.self)] = String(decoding: value, as: UTF8.self)
    }
    guard fields["Status"]?.hasSuffix(" installed") == true, let name = fields["Package"],
      let version = fields["Version"], let architecture = fields["Architecture"]
    else { return nil }
    self.init(name: name, version: version, architecture: architecture)
    (maintainer, source, homepage) = (fields["Maintainer"], fields["Source"], fields["Homepage"])
  }
}

extension BaseImage {
  /// The distribution's `ID` of os-release(5), such as `debian`; `nil` when the image does not say it.
  public func distribution() throws(OverlayError) -> String? {
    for name in ["usr/lib/os-release", "etc/os-release"] {
      let path = try OverlayPath(name)
      guard nodes[path]?.kind == .file else { continue }
      for line in String(decoding: try contents(of: path), as: UTF8.self).split(separator: "\n")
      where line.hasPrefix("ID=") {
        return line.dropFirst(3).trimming { $0 == "\"" || $0 == "'" }
      }
    }
    return nil
  }
}

extension Substring {
  fileprivate func trimming(_ isDropped: (Character) -> Bool) -> String {
    var rest = drop(while: isDropped)
    while let last = rest.last, isDropped(last) { rest.removeLast() }
    return String(rest)
  }
}
