import CCurl
import Glibc

/// Puts libcurl's error codes into words that say what happened and, where it helps, what to look at.
struct CurlFailure {
  let code: CURLcode
  let systemError: Int32
  let wasConnected: Bool
  let text: String
  let received: Int
  let options: HTTPClient.Options
  let totalTimeout: Int?

  func error(for what: String) -> HTTPError {
    let (symbol, words, isRetryable) = classify()
    return HTTPError(code: symbol, message: "\(what): \(words)", isRetryable: isRetryable)
  }

  private var detail: String { text.isEmpty ? String(cString: curl_easy_strerror(code)) : URLText.printable(text) }

  private func classify() -> (String, String, Bool) {
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST:
      return ("ENOTFOUND", "the name cannot be resolved (\(detail)); look at /etc/resolv.conf", true)
    case CURLE_COULDNT_CONNECT:
      return connectFailure()
    case CURLE_OPERATION_TIMEDOUT:
      if text.hasPrefix("Resolving timed out") {
        return ("ENOTFOUND", "the name servers of /etc/resolv.conf do not answer (\(detail))", true)
      }
      guard wasConnected else {
        return ("ETIMEDOUT", "no connection within \(Self.seconds(options.connectTimeout))", true)
      }
      let limit = Self.seconds(totalTimeout ?? options.stallTimeout)
      return received == 0
        ? ("ETIMEDOUT", "connected, but no answer within \(limit)", true)
        : ("ETIMEDOUT", "the answer stopped after \(received) bytes and was given up after \(limit)", true)
    case CURLE_GOT_NOTHING, CURLE_SEND_FAIL_REWIND:
      return ("ECONNRESET", "the server closed the connection without an answer", true)
    case CURLE_PARTIAL_FILE:
      return ("ECONNRESET", "the answer was cut off after \(received) bytes (\(detail))", true)
    case CURLE_SEND_ERROR, CURLE_RECV_ERROR:
      return ("ECONNRESET", "the connection broke (\(detail))", true)
    case CURLE_UNSUPPORTED_PROTOCOL where text.utf8.firstRange(of: "HTTP/0.9") != nil, CURLE_WEIRD_SERVER_REPLY:
      return ("EPROTO", "the answer is not HTTP", true)
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT:
      return ("EINVAL", "not a URL that can be fetched (\(detail))", false)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE:
      return ("ECERT", certificateFailure(), true)
    case CURLE_SSL_CONNECT_ERROR:
      return ("EPROTO", "TLS failed (\(detail))", true)
    case CURLE_ABORTED_BY_CALLBACK:
      return ("ECANCELED", "given up, because the agent was asked to stop", false)
    default:
      return ("EIO", "\(detail)", true)
    }
  }

  private func connectFailure() -> (String, String, Bool) {
    switch systemError {
    case ECONNREFUSED: ("ECONNREFUSED", "the connection was refused; is the server running there?", true)
    case EHOSTUNREACH: ("EHOSTUNREACH", "the host is unreachable; look at the cable, the switch and `ip route`", true)
    case ENETUNREACH: ("ENETUNREACH", "the network is unreachable; has this node an address? (`ip addr`)", true)
    case ETIMEDOUT: ("ETIMEDOUT", "no connection: the host does not answer", true)
    default: ("ECONNREFUSED", "no connection (\(detail))", true)
    }
  }

  private func certificateFailure() -> String {
    if code == CURLE_SSL_CACERT_BADFILE {
      return "the certificate authorities cannot be read (\(detail)); look at --ca"
    }
    guard ["not yet valid", "expired"].contains(where: { text.utf8.firstRange(of: $0) != nil }) else {
      return "the server's certificate was not accepted (\(detail)); give its authority with --ca or monorail.ca="
    }
    return "the server's certificate is not valid at this node's time, \(Self.now()) (\(detail)); is the clock right?"
  }

  private static func now() -> String {
    var seconds = time(nil)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M UTC", &parts)
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func seconds(_ milliseconds: Int) -> String {
    milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
  }
}
