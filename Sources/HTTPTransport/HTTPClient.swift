import CCurl
import Glibc

/// Blocking HTTP over libcurl: one request at a time, on one connection that is kept alive.
///
/// Time limits: `connectTimeout` to be connected, and `stallTimeout` without progress (under 64 bytes a second), both in
/// milliseconds. At most five redirects are followed, never from `https` to `http`. Proxies of the environment are not
/// used.
public final class HTTPClient {
  public struct Options: Sendable {
    public var connectTimeout = 10_000
    public var stallTimeout = 30_000
    /// A PEM file of certificate authorities that replaces the image's.
    public var certificateAuthorities: String?
    public var userAgent = "monorail-agent"

    public init() {}
  }

  private var easy: UnsafeMutableRawPointer
  private let multi: UnsafeMutableRawPointer
  public let options: Options
  private let interruption: (any TransferInterruption)?

  /// - Parameter interruption: looked at while a request waits; ends it with `ECANCELED`.
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

  private static let isLibraryReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// Where images keep their certificate authorities: Debian and its kin, Red Hat's, SUSE's, Alpine's.
  private static let imageAuthorities = [
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
  ].first { (path: String) in access(path, R_OK) == 0 }

  /// Sends the request and hands the answer's body over as it comes.
  ///
  /// - Parameter receive: called for each piece of the final answer's body, whatever its status; what it throws ends the
  ///   transfer and is thrown on.
  /// - Throws: `HTTPError` when there is no complete answer. An answer with an error status is an answer.
  public func perform(
    _ request: HTTPRequest,
    receive: @escaping (HTTPResponse, UnsafeRawBufferPointer) throws(HTTPError) -> Void
  ) throws(HTTPError) -> HTTPResponse {
    let transfer = Transfer(body: request.body, receive: receive)
    let code = run(request, transfer)
    // What was posted has been taken or refused once the status is there; the rest of the answer does not matter.
    if request.method == .post, transfer.response.status >= 200 { return transfer.response }
    if let failure = transfer.failure { throw failure }
    guard code == CURLE_OK else {
      let failure = failure(code, of: request, transfer)
      if ["ENOTFOUND", "ETIMEDOUT"].contains(failure.code) { renewHandle() }
      throw failure
    }
    return transfer.response
  }

  /// c-ares reads /etc/resolv.conf once for a handle; the boot may write it later.
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
    return withExtendedLifetime(transfer) { drive() }
  }

  /// Runs the transfer to its end, with an eye on the interruption.
  private func drive() -> CURLcode {
    var running: Int32 = 1
    while true {
      guard curl_multi_perform(multi, &running) == CURLM_OK else { return CURLE_FAILED_INIT }
      if running == 0 { break }
      if interruption?.isInterrupted == true { return CURLE_ABORTED_BY_CALLBACK }
      var wake = curl_waitfd()
      wake.fd = interruption?.descriptor ?? -1
      wake.events = Int16(CURL_WAIT_POLLIN)
      curl_multi_poll(multi, &wake, interruption == nil ? 0 : 1, interruption?.pollInterval ?? 1000, nil)
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

    let protocols = Int(CURLPROTO_HTTP | CURLPROTO_HTTPS)
    set(CURLOPT_URL, request.url)
    set(CURLOPT_PROTOCOLS, protocols)
    set(CURLOPT_REDIR_PROTOCOLS, request.url.lowercased().hasPrefix("https:") ? Int(CURLPROTO_HTTPS) : protocols)
    set(CURLOPT_FOLLOWLOCATION, 1)
    set(CURLOPT_MAXREDIRS, 5)
    set(CURLOPT_POSTREDIR, Int(CURL_REDIR_GET_ALL | CURL_REDIR_POST_301 | CURL_REDIR_POST_302 | CURL_REDIR_POST_303))
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_PROXY, "")
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
      _ = monorail_curl_set_pointer(easy, CURLOPT_SEEKDATA, context)
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
    ).error(for: "\(request.method.rawValue) \(URLText.withoutSecrets(request.url))")
  }
}

/// Something that can end a request that waits: a descriptor that becomes readable, and then an answer.
public protocol TransferInterruption: AnyObject {
  var descriptor: Int32 { get }
  /// Whether the request has to end now.
  var isInterrupted: Bool { get }
  /// How long to wait at most before `isInterrupted` is asked again, in milliseconds.
  var pollInterval: Int32 { get }
}
