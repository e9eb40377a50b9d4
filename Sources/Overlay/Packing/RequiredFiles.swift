import Digests
import Glibc
import SystemFiles

/// What every overlay needs to bring a node to the agent: the skeleton, `/etc/rc.local`, and the agent.
public struct RequiredFiles: Sendable {
  /// A directory that is laid under the overlay's own files.
  public var skeleton: String
  public var rcLocal: String
  public var agent: String

  public init(skeleton: String, rcLocal: String, agent: String) {
    (self.skeleton, self.rcLocal, self.agent) = (skeleton, rcLocal, agent)
  }

  /// Where they are in the overlay.
  public static let rcLocalPath = "etc/rc.local"
  public static let agentPath = "opt/monorail/monorail-agent"

  /// The members, owned by root, with modes and times that do not depend on the checkout they come from.
  func members() throws(OverlayError) -> [Member] {
    var members = try SourceTree(skeleton).members().filter { member in
      let name = member.entry.path.name
      return !name.elementsEqual(".keep".utf8) && member.entry.path.bytes != Array("README.md".utf8)
    }
    for index in members.indices {
      let entry = members[index].entry
      let isProgram = entry.isDirectory || entry.permissions & 0o100 != 0
      (members[index].entry.owner, members[index].entry.group, members[index].entry.modified) = (0, 0, 0)
      switch entry.kind {
      case .symlink: members[index].entry.permissions = 0o777
      default: members[index].entry.permissions = isProgram ? 0o755 : 0o644
      }
    }
    members.append(try Self.program(at: rcLocal, as: Self.rcLocalPath, remedy: "give --rc-local FILE"))
    members.append(
      try Self.program(at: agent, as: Self.agentPath, remedy: "run scripts/build-agent, or give --agent FILE"))
    return members
  }

  /// What an archive lacks of them, for ``OverlayChange``.
  public func additions(missingIn archive: ArchiveIndex) throws(OverlayError) -> [OverlayChange.Addition] {
    var additions: [OverlayChange.Addition] = []
    for member in try members() where !member.entry.path.isRoot && archive[member.entry.path] == nil {
      let kind: OverlayChange.Addition.Kind
      switch (member.entry.kind, member.content) {
      case (.directory, _): kind = .anyDirectory
      case (.symlink(let target), _): kind = .symlink(target: target)
      case (_, .file(let path)): kind = .file(path)
      default: kind = .file("\(skeleton)/\(String(decoding: member.entry.path.bytes, as: UTF8.self))")
      }
      additions.append(
        OverlayChange.Addition(
          member.entry.path, kind, permissions: member.entry.permissions, place: "required files"))
    }
    return additions
  }

  private static let skeletonName = "overlay-skel"

  /// Where an entry of these comes from: `monorail-agent`, `rc.local`, or `overlay-skel`.
  public static func source(of path: OverlayPath) -> String {
    switch String(decoding: path.bytes, as: UTF8.self) {
    case agentPath: "monorail-agent"
    case rcLocalPath: "rc.local"
    default: skeletonName
    }
  }

  /// For each of the three sources the SHA-256 in hexadecimal: of the agent and of rc.local that of the file, of the skeleton
  /// that of all names, modes and contents that it brings into an overlay.
  public func digests() throws(OverlayError) -> [(source: String, sha256: String)] {
    var digests: [String: [(line: String, sha256: String)]] = [:]
    for member in try members() {
      var digest = Digest(.sha256)
      try ContentReader().read(member) { (bytes) in digest.update(bytes) }
      let entry = member.entry
      let sha256 = digest.finish()
      digests[Self.source(of: entry.path), default: []].append(
        ("\(entry.path) \(entry.kind) \(entry.permissions) \(sha256)", sha256))
    }
    return digests.sorted { $0.key < $1.key }.map { source, files in
      if source != Self.skeletonName, files.count == 1 { return (source, files[0].sha256) }
      var digest = Digest(.sha256)
      Array(files.map(\.line).joined(separator: "\n").utf8).withUnsafeBytes { digest.update($0) }
      return (source, digest.finish())
    }
  }

  private static func program(at source: String, as path: String, remedy: String) throws(OverlayError) -> Member {
    var status = stat()
    guard stat(source, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw OverlayError(
        "\(source), which becomes /\(path), is no file that can be read: \(remedy), or --no-required to leave it out")
    }
    return Member(Entry(try OverlayPath(path), .file(size: Int(status.st_size)), permissions: 0o755), .file(source))
  }
}
