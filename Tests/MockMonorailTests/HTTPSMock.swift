import MockMonorail
import Testing

/// A server with HTTPS, which `curl` asks with trust in its certificate.
struct HTTPSMock {
  let mock: MockMonorail
  fileprivate let certificate: String

  /// - Parameter body: what to post; `nil` gets.
  /// - Returns: `curl`'s exit code, and the answer's body.
  func request(_ target: String, body: String? = nil) async -> (status: Int32, output: String) {
    let data = body.map { ["-d", $0] } ?? []
    let end = await Command.run(
      ["-sS", "--cacert", certificate] + data + [mock.baseURL + target], program: "/usr/bin/curl")
    return (end.status, end.output)
  }
}

func withHTTPSMock(_ body: (HTTPSMock) async throws -> Void) async throws {
  try await withDirectory { directory in
    let (key, certificate) = (directory + "/key.pem", directory + "/certificate.pem")
    let made = await Command.run(
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
      ], program: "/usr/bin/openssl")
    try #require(made.status == 0, "\(made.errors)")
    try await withMock({
      $0.certificateFile = certificate
      $0.privateKeyFile = key
    }) { mock in
      try await body(HTTPSMock(mock: mock, certificate: certificate))
    }
  }
}
