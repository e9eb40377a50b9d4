import HTTPTransport
import JSONDocument
import MonorailProtocol

/// The server's task API, as a node uses it.
struct MonorailClient {
  /// The longest task set that is taken, in bytes, and the most values in it: memory is bounded, and real sets have some
  /// thousand bytes.
  static let longestTaskSet = 4 << 20
  static let mostValues = 60_000
  private static let longestScript = 256 << 10
  /// A longer answer to a report is not read to its end.
  private static let longestReceipt = 64 << 10
  /// How long a question for work goes on when the agent is asked to stop, in milliseconds: a task set is handed out once,
  /// so the answer that brings it must not be thrown away.
  private static let workGrace = 2000

  let http: HTTPClient
  /// Milliseconds for a question and its answer.
  let requestTimeout: Int

  /// The server's answer to "is there work?".
  enum Work {
    case nothing
    case taskSet(TaskSet, text: [UInt8])
  }

  /// Who the node with that NIC is; `nil` when the server does not know it.
  ///
  /// - Parameter grace: how long the request goes on when the agent is asked to stop, in milliseconds; `nil`: to its end.
  func bootstrap(_ mac: MACAddress, at server: ServerAddress, grace: Int?) throws(HTTPError) -> NodeIdentity? {
    let what = "GET \(server)\(APIPath.bootstrap(mac))"
    let (response, text) = try get(server.url(APIPath.bootstrap(mac)), limit: Self.longestScript, grace: grace)
    if response.status == 404 { return nil }
    guard response.isSuccess else { throw HTTPError(status: response.status, reason: response.reason, what: what) }
    do {
      return try NodeIdentity(BootstrapScript(parsing: String(decoding: text, as: UTF8.self)), from: server)
    } catch {
      throw HTTPError(code: "EPROTO", message: "\(what): \(error)", status: response.status, isRetryable: true)
    }
  }

  /// Asks for work.
  func work(for node: NodeIdentity) throws(HTTPError) -> Work {
    let (response, text) = try get(node.url, limit: Self.longestTaskSet, grace: Self.workGrace)
    if response.status == 404 || response.status == 204 { return .nothing }
    guard response.isSuccess else {
      throw HTTPError(status: response.status, reason: response.reason, what: "GET \(node.url)")
    }
    do {
      return .taskSet(try TaskSet(JSON(parsing: text, maximumValues: Self.mostValues)), text: text)
    } catch {
      throw HTTPError(
        code: "EPROTO",
        message: "GET \(node.url): the answer of \(text.count) bytes is \(error); nothing is run",
        status: response.status,
        isRetryable: true)
    }
  }

  /// Sends a report, once. The agent being asked to stop does not end this.
  ///
  /// - Returns: the server's answer, whatever its status.
  func report(_ body: ReportBody, for node: NodeIdentity, expectsContinue: Bool) throws(HTTPError) -> HTTPResponse {
    var request = HTTPRequest(.post, node.url)
    request.headers = ["Content-Type: application/json"]
    request.body = body
    request.expectsContinue = expectsContinue
    var received = 0
    return try http.perform(request) { _, bytes in
      received += bytes.count
      return received <= Self.longestReceipt
    }
  }

  private func get(_ url: String, limit: Int, grace: Int?) throws(HTTPError) -> (HTTPResponse, [UInt8]) {
    var request = HTTPRequest(.get, url)
    request.totalTimeout = requestTimeout
    request.interruptionGrace = grace
    var text: [UInt8] = []
    var isTooLong = false
    let response = try http.perform(request) { response, bytes in
      guard response.isSuccess else { return true }
      isTooLong = text.count + bytes.count > limit
      if !isTooLong { text += bytes }
      return !isTooLong
    }
    guard !isTooLong else {
      throw HTTPError(
        code: "EFBIG", message: "GET \(url): the answer is longer than \(limit) bytes; not read any further",
        isRetryable: true)
    }
    return (response, text)
  }
}
