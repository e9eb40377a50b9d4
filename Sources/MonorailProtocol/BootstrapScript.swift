/// The node's identity, as it stands in the JavaScript text of `GET /api/current/tasks/bootstrap.js`.
public struct BootstrapScript: Sendable, Equatable {
  /// A host name or address, as the node reaches it.
  public let server: String
  public let port: Int
  /// The path of the node's tasks; its last component is the node's identifier.
  public let tasksPath: String

  public init(server: String, port: Int, tasksPath: String) {
    (self.server, self.port, self.tasksPath) = (server, port, tasksPath)
  }

  public var identifier: String { APIPath.identifier(in: tasksPath) }

  /// Finds the three assignments in a server's script: `server = '…'`, `port = '…'`, `tasksPath = '…'`, in any order,
  /// with either quote, and any spacing. The rest of the script does not matter.
  ///
  /// - Throws: `Problem`, naming the assignment that is missing or makes no sense.
  public init(parsing script: String) throws(Problem) {
    let text = Array(script.utf8)
    func value(_ name: String) throws(Problem) -> String {
      guard let value = Self.assignment(of: name, in: text) else { throw Problem(name: name, found: nil) }
      return value
    }
    server = try value("server")
    guard !server.isEmpty else { throw Problem(name: "server", found: server) }
    let portText = try value("port")
    guard let port = Int(portText), (1...65535).contains(port) else { throw Problem(name: "port", found: portText) }
    self.port = port
    tasksPath = try value("tasksPath")
    // Byte by byte: a slash and a combining mark behind it would be one Character.
    guard tasksPath.utf8.first == UInt8(ascii: "/"), tasksPath.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }),
      !identifier.isEmpty
    else { throw Problem(name: "tasksPath", found: tasksPath) }
  }

  /// The shortest script that has the three assignments.
  public var text: String {
    """
    // Where this node finds its tasks.
    var server = '\(server)', port = '\(port)', tasksPath = '\(tasksPath)';

    """
  }

  public struct Problem: Error, Equatable, CustomStringConvertible {
    public let name: String
    /// The value that makes no sense, or `nil` when there is no such assignment.
    public let found: String?

    public var description: String {
      found.map { "the bootstrap script says \(name) = '\($0)', which cannot be" }
        ?? "the bootstrap script does not say \(name) = '…'"
    }
  }

  /// The quoted string that the first `name = '…'` assigns, where `name` stands as a word of its own.
  private static func assignment(of name: String, in text: [UInt8]) -> String? {
    let word = Array(name.utf8)
    var start = 0
    while start + word.count < text.count {
      defer { start += 1 }
      guard text[start] == word[0], text[start...].starts(with: word), start == 0 || !isWordByte(text[start - 1]) else {
        continue
      }
      var index = skipBlanks(text, start + word.count)
      guard index < text.count, text[index] == UInt8(ascii: "=") else { continue }
      index = skipBlanks(text, index + 1)
      guard index < text.count, text[index] == UInt8(ascii: "'") || text[index] == UInt8(ascii: "\"") else { continue }
      let rest = text[(index + 1)...]
      guard let end = rest.firstIndex(of: text[index]) else { continue }
      return String(decoding: rest[..<end], as: UTF8.self)
    }
    return nil
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private static func skipBlanks(_ text: [UInt8], _ start: Int) -> Int {
    text[start...].firstIndex { $0 > 0x20 } ?? text.count
  }
}
