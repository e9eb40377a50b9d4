import CCurl
import Glibc

/// Blocking HTTP over libcurl: one request at a time, on one connection that is kept alive.
///
/// Time limits: `connectTimeout` to be connected, and `stallTimeout` without progress (under 64 bytes a second), both in
/// milliseconds. At most five redirects are followed, and none from `https` to `http`. Proxies of the environment are
/// used only where the options say so, and `SSLKEYLOGFILE` means nothing here.
public final class HTTPClient {
  public struct Options: Sendable {
    public var connectTimeout = 10_000
    public var stallTimeout = 30_000
    /// A PEM file of certificate authorities that replaces the image's.
    public var certificateAuthorities: String?
    public var userAgent = "monorail-agent"
    /// Whether `http_proxy`, `https_proxy`, `no_proxy` and the like of the environment are used, as curl(1) uses them.
    public var usesEnvironmentProxies = false

    public init() {}
  }

  private var easy: UnsafeMutableRawPointer
  private let multi: UnsafeMutableRawPointer
  public let options: Options
  private let interruption: (any TransferInterruption)?

  /// - Parameter interruption: asked while a request waits; it can end the request, with `ECANCELED`.
  public init(options: Options = Options(), interruption: (any TransferInterruption)? = nil) {
    _ = Self.isLibraryReady
    guard let easy = curl_easy_init(), let multi = curl_multi_init() else {
      preconditionFailure("libcurl: out of memory")
    }
    (self.easy, self.multi, self.options, self.interruption) = (easy, multi, options, interruption)
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_multi_cleanup(multi)
  }

  /// How long the rest of the answer to a POST is waited for, in milliseconds. With the rest the connection can be used
  /// again; but the status says all.
  private static let restOfAnswer = 1000
  private static let mostRedirects = 5

  private static let isLibraryReady: Bool = {
    // Where this names a file, libcurl writes the keys of its TLS connections there. Commands still get the variable.
    let name = "SSLKEYLOGFILE"
    let value = getenv(name).flatMap { strdup($0) }
    unsetenv(name)
    let code = curl_global_init(Int(CURL_GLOBAL_DEFAULT))
    if let value {
      setenv(name, value, 1)
      free(value)
    }
    return code == CURLE_OK
  }()

  /// Where images keep their certificate authorities: those of Debian, Red Hat, SUSE and Alpine, and of their relatives.
  private static let imageAuthorities = [
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
  ].first { (path: String) in access(path, R_OK) == 0 }

  /// Sends the request and hands the answer's body over as it comes.
  ///
  /// A POST is sent once, but for redirects: it is never repeated on another connection.
  ///
  /// - Parameter receive: called for each piece of the final answer's body, whatever its status; returns `false` when it
  ///   has had enough, which ends the transfer.
  /// - Throws: `HTTPError` when there is no complete answer. An answer with an error status is an answer, and so is the
  ///   beginning of one that `receive` has had enough of. Of the answer to a POST the status is enough.
  public func perform(
    _ request: HTTPRequest, receive: @escaping (HTTPResponse, UnsafeRawBufferPointer) -> Bool
  ) throws(HTTPError) -> HTTPResponse {
    let deadline = request.totalTimeout.map { MonotonicClock.milliseconds() + $0 }
    var request = request
    var redirects = 0
    while true {
      let (response, target) = try exchange(request, receive)
      guard let target else { return response }
      let what = Self.name(of: request)
      redirects += 1
      guard redirects <= Self.mostRedirects else {
        throw HTTPError(
          code: "ELOOP", message: "\(what): the server redirects in a circle (gave up after \(Self.mostRedirects))",
          isRetryable: false)
      }
      guard URLText.hasScheme("https", target) || !URLText.hasScheme("https", request.url) else {
        throw HTTPError(
          code: "EPROTO",
          message: "\(what): the server redirects from https to http (\(URLText.withoutSecrets(target))); not followed",
          isRetryable: false)
      }
      request.url = target
      request.totalTimeout = deadline.map { max(1, $0 - MonotonicClock.milliseconds()) }
    }
  }

  /// Sends the request to its own URL only.
  ///
  /// - Returns: the answer, and the absolute URL that it redirects to, if it does.
  private func exchange(
    _ request: HTTPRequest, _ receive: @escaping (HTTPResponse, UnsafeRawBufferPointer) -> Bool
  ) throws(HTTPError) -> (HTTPResponse, redirect: String?) {
    let transfer = Transfer(request, receive: receive)
    let code = run(request, transfer)
    let response = transfer.response
    if code == CURLE_OK { return (response, response.isRedirect ? redirectTarget : nil) }
    if transfer.isEnough || (request.method == .post && response.status >= 200) { return (response, nil) }
    if transfer.hasUnreadableBody {
      throw HTTPError(
        code: "ECANCELED", message: "\(Self.name(of: request)): what is to be sent cannot be read", isRetryable: true)
    }
    let failure = failure(code, of: request, transfer)
    if ["ENOTFOUND", "ETIMEDOUT"].contains(failure.code) { renewHandle() }
    throw failure
  }

  private var redirectTarget: String? {
    var url: UnsafeMutablePointer<CChar>?
    _ = monorail_curl_get_string(easy, CURLINFO_REDIRECT_URL, &url)
    return url.map { String(cString: $0) }
  }

  private static func name(of request: HTTPRequest) -> String {
    "\(request.method.rawValue) \(URLText.withoutSecrets(request.url))"
  }

  /// A new handle makes c-ares read /etc/resolv.conf again, which the boot may have written meanwhile.
  private func renewHandle() {
    guard let fresh = curl_easy_init() else { return }
    curl_easy_cleanup(easy)
    easy = fresh
  }

  private func run(_ request: HTTPRequest, _ transfer: Transfer) -> CURLcode {
    curl_easy_reset(easy)
    let headers = configure(request, transfer)
    defer { curl_slist_free_all(headers) }
    let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    defer {
      transfer.errorText = String(cString: errorText)
      _ = monorail_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, nil)
      errorText.deallocate()
    }
    _ = monorail_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)

    curl_multi_add_handle(multi, easy)
    defer { curl_multi_remove_handle(multi, easy) }
    return withExtendedLifetime(transfer) { drive(request, transfer) }
  }

  /// Runs the exchange to its end, unless it is interrupted before.
  private func drive(_ request: HTTPRequest, _ transfer: Transfer) -> CURLcode {
    var running: Int32 = 1
    while true {
      guard curl_multi_perform(multi, &running) == CURLM_OK else { return CURLE_FAILED_INIT }
      if running == 0 { break }
      // Asked in any case, so that the interruption sees why its descriptor became readable.
      if interruption?.isInterrupted(after: request.interruptionGrace ?? .max) == true {
        return CURLE_ABORTED_BY_CALLBACK
      }
      var wait = interruption?.pollInterval ?? 1000
      if let answeredAt = transfer.answeredAt {
        let left = answeredAt + Self.restOfAnswer - MonotonicClock.milliseconds()
        guard left > 0 else { return CURLE_OPERATION_TIMEDOUT }
        wait = min(wait, Int32(left))
      }
      var wake = curl_waitfd()
      wake.fd = interruption?.descriptor ?? -1
      wake.events = Int16(CURL_WAIT_POLLIN)
      curl_multi_poll(multi, &wake, interruption == nil ? 0 : 1, wait, nil)
    }
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      if message.pointee.msg == CURLMSG_DONE { return message.pointee.data.result }
    }
    return CURLE_FAILED_INIT
  }

  private func configure(_ request: HTTPRequest, _ transfer: Transfer) -> UnsafeMutablePointer<curl_slist>? {
    func set(_ option: CURLoption, _ value: Int) { _ = monorail_curl_set_long(easy, option, value) }
    func set(_ option: CURLoption, _ value: String) { _ = monorail_curl_set_string(easy, option, value) }

    set(CURLOPT_URL, request.url)
    set(CURLOPT_PROTOCOLS, Int(CURLPROTO_HTTP | CURLPROTO_HTTPS))
    set(CURLOPT_NOSIGNAL, 1)
    if !options.usesEnvironmentProxies { set(CURLOPT_PROXY, "") }
    set(CURLOPT_USERAGENT, options.userAgent)
    set(CURLOPT_CONNECTTIMEOUT_MS, options.connectTimeout)
    set(CURLOPT_LOW_SPEED_LIMIT, 64)
    set(CURLOPT_LOW_SPEED_TIME, max(1, options.stallTimeout / 1000))
    set(CURLOPT_TIMEOUT_MS, request.totalTimeout ?? 0)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    if let file = options.certificateAuthorities ?? Self.imageAuthorities { set(CURLOPT_CAINFO, file) }
    _ = monorail_curl_set_close_on_exec(easy)

    let context = Unmanaged.passUnretained(transfer).toOpaque()
    _ = monorail_curl_set_transfer(easy, CURLOPT_HEADERFUNCTION, Transfer.onHeader)
    _ = monorail_curl_set_pointer(easy, CURLOPT_HEADERDATA, context)
    _ = monorail_curl_set_transfer(easy, CURLOPT_WRITEFUNCTION, Transfer.onBody)
    _ = monorail_curl_set_pointer(easy, CURLOPT_WRITEDATA, context)

    var lines = request.headers
    switch request.method {
    case .get: set(CURLOPT_HTTPGET, 1)
    case .post:
      set(CURLOPT_POST, 1)
      _ = monorail_curl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body?.byteCount ?? 0))
      _ = monorail_curl_set_transfer(easy, CURLOPT_READFUNCTION, Transfer.onRead)
      _ = monorail_curl_set_pointer(easy, CURLOPT_READDATA, context)
      _ = monorail_curl_set_seek(easy, Transfer.onSeek)
      set(CURLOPT_UPLOAD_BUFFERSIZE, 256 << 10)
      lines.append(request.expectsContinue ? "Expect: 100-continue" : "Expect:")
    }
    let headers = lines.reduce(nil) { curl_slist_append($0, $1) }
    _ = monorail_curl_set_list(easy, CURLOPT_HTTPHEADER, headers)
    return headers
  }

  private func failure(_ code: CURLcode, of request: HTTPRequest, _ transfer: Transfer) -> HTTPError {
    var systemError = 0
    var connected: curl_off_t = 0
    _ = monorail_curl_get_long(easy, CURLINFO_OS_ERRNO, &systemError)
    _ = monorail_curl_get_offset(easy, CURLINFO_PRETRANSFER_TIME_T, &connected)
    return CurlFailure(
      code: code, systemError: Int32(systemError), wasConnected: connected > 0, text: transfer.errorText,
      received: transfer.received, options: options, totalTimeout: request.totalTimeout
    ).error(for: Self.name(of: request))
  }
}

/// Something that can end a request while it waits.
public protocol TransferInterruption: AnyObject {
  /// Becomes readable when `isInterrupted` should be asked.
  var descriptor: Int32 { get }
  /// Whether an interruption was raised, at least that many milliseconds ago.
  func isInterrupted(after grace: Int) -> Bool
  /// How long to wait at most before `isInterrupted` is asked again, in milliseconds.
  var pollInterval: Int32 { get }
}
