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

  private static func program(at source: String, as path: String, remedy: String) throws(OverlayError) -> Member {
    var status = stat()
    guard stat(source, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw OverlayError(
        "\(source), which becomes /\(path), is no file that can be read: \(remedy), or --no-required to leave it out")
    }
    return Member(Entry(try OverlayPath(path), .file(size: Int(status.st_size)), permissions: 0o755), .file(source))
  }
}
