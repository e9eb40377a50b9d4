import JSONDocument

/// Why a request did not go as usual, for the journal: in words (`description`), and for programs.
public protocol RequestRemark: Sendable, CustomStringConvertible {
  var json: JSON { get }
}

/// One line of the journal: a request as it came in, and what became of it.
public struct RecordedRequest: Sendable {
  /// Counts from 1, and goes on after a restart of the server with the same state.
  public let number: Int
  public let method: String
  /// As sent, percent escapes included, without the query.
  public let path: String
  public let query: String?
  /// By lower-case name; repeated ones joined by `, `.
  public let headers: [String: String]
  /// When its head was complete.
  public let time: ContinuousClock.Instant
  /// Which connection, counted from 1: two requests with the same number used one keep-alive connection.
  public let connection: Int
  public let remotePort: Int?
  /// The node that it is about, when the path or the MAC address tells.
  public let nodeID: String?
  /// Whether another request of the same node had not been answered yet.
  public let overlapsAnother: Bool
  /// What kept it from going as usual.
  public internal(set) var remark: (any RequestRemark)?
  /// The status of the answer; `nil` while there is none, and for ever when a fault closed the connection.
  public internal(set) var status: Int?
  /// When the answer was ready to be sent, or the connection closed.
  public internal(set) var finished: ContinuousClock.Instant?

  /// From its head to its answer, in milliseconds; 0 while there is none.
  public var milliseconds: Int { finished.map { Int(($0 - time) / .milliseconds(1)) } ?? 0 }

  /// About how much memory the entry takes, in bytes.
  var size: Int {
    let texts = [method, path, query ?? "", nodeID ?? ""].reduce(0) { $0 + $1.utf8.count }
    // Each text takes 16 bytes in the dictionary, and 32 besides its bytes where it is stored.
    return 300 + texts + headers.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 100 }
  }

  /// Path and query, as sent.
  public var target: String { query.map { "\(path)?\($0)" } ?? path }
}

extension RecordedRequest: CustomStringConvertible {
  public var description: String {
    let outcome = status.map(String.init) ?? (finished == nil ? "in flight" : "no answer")
    return "\(method) \(target) \(outcome)" + (remark.map { " [\($0)]" } ?? "")
  }
}
