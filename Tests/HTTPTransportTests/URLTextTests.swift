import HTTPTransport
import Testing

@Suite struct URLTextTests {
  @Test(
    arguments: [
      ("http://h/a/b.sh?x=1", "b.sh"), ("/api/x/get_smart.sh?nodeId=5", "get_smart.sh"), ("http://h/b#sha256=00", "b"),
      ("http://h", nil), ("http://h/", nil), ("http://h/..", nil), ("http://h/.", nil), ("http://h/a%2Fb", "a%2Fb"),
      ("http://h?x=/y", nil),
    ] as [(String, String?)])
  func fileName(url: String, name: String?) { #expect(URLText.fileName(url) == name) }

  @Test(arguments: [
    ("http://u:p@h/x", "http://***@h/x"), ("http://h/x?a=b@c", "http://h/x?a=b@c"), ("http://a@b@h/", "http://***@h/"),
    ("no url", "no url"),
  ])
  func secrets(url: String, shown: String) { #expect(URLText.withoutSecrets(url) == shown) }

  @Test func digest() throws {
    let hex = String(repeating: "aB", count: 32)
    let (url, digest) = try URLText.splitDigest("http://h/f#sha256=\(hex)")
    #expect(url == "http://h/f")
    #expect(digest == hex.lowercased())
    #expect(try URLText.splitDigest("http://h/f#part").sha256 == nil)
    for bad in ["", "ab", String(repeating: "g", count: 64), hex + "0"] {
      #expect(throws: HTTPError.self) { try URLText.splitDigest("http://h/f#sha256=\(bad)") }
    }
  }

  @Test func printable() { #expect(URLText.printable("a\r\n\u{1B}[31mb\u{7F} ") == "a   [31mb") }
}

@Suite struct BackoffTests {
  @Test("never waits longer than its limit, which doubles up to the cap; starts over after a reset")
  func limits() {
    var backoff = Backoff(base: 10, cap: 75)
    for limit in [10, 20, 40, 75, 75] { #expect((0...limit).contains(backoff.next())) }
    backoff.reset()
    for _ in 0..<100 {
      #expect(backoff.next() <= 10)
      backoff.reset()
    }
  }

  @Test("is jittered over the whole range")
  func jitter() {
    var waits: [Int] = []
    for _ in 0..<200 {
      var backoff = Backoff(base: 1000, cap: 1000)
      waits.append(backoff.next())
    }
    #expect(waits.contains { $0 < 300 } && waits.contains { $0 > 700 })
  }
}
