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

  let http: HTTPClient
  /// Milliseconds for a question and its answer.
  let requestTimeout: Int

  /// The server's answer to "is there work?".
  enum Work {
    case nothing
    case taskSet(TaskSet, text: [UInt8])
  }

  /// Who the node with that NIC is; `nil` when the server does not know it.
  func bootstrap(_ mac: MACAddress, at server: ServerAddress) throws(HTTPError) -> NodeIdentity? {
    let what = "GET \(server)\(APIPath.bootstrap(mac))"
    let (response, text) = try get(server.url(APIPath.bootstrap(mac)), limit: Self.longestScript)
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
    let (response, text) = try get(node.url, limit: Self.longestTaskSet)
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

  /// Sends a report.
  ///
  /// - Returns: the server's answer, whatever its status.
  func report(_ body: ReportBody, for node: NodeIdentity, expectsContinue: Bool) throws(HTTPError) -> HTTPResponse {
    var request = HTTPRequest(.post, node.url)
    request.headers = ["Content-Type: application/json"]
    request.body = body
    request.expectsContinue = expectsContinue
    var received = 0
    return try http.perform(request) { _, bytes throws(HTTPError) in
      received += bytes.count
      // The status says all; an answer without end is not listened to.
      guard received <= 64 << 10 else {
        throw HTTPError(code: "EFBIG", message: "the answer is too long", isRetryable: true)
      }
    }
  }

  private func get(_ url: String, limit: Int) throws(HTTPError) -> (HTTPResponse, [UInt8]) {
    var request = HTTPRequest(.get, url)
    request.totalTimeout = requestTimeout
    var text: [UInt8] = []
    let response = try http.perform(request) { response, bytes throws(HTTPError) in
      guard response.isSuccess else { return }
      guard text.count + bytes.count <= limit else {
        throw HTTPError(
          code: "EFBIG", message: "GET \(url): the answer is longer than \(limit) bytes; not read any further",
          isRetryable: true)
      }
      text += bytes
    }
    return (response, text)
  }
}
