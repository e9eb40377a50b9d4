import HTTPTransport
import Testing

@Suite struct URLTextTests {
  @Test(
    arguments: [
      ("http://h/a/b.sh?x=1", "b.sh"), ("/api/x/get_smart.sh?nodeId=5", "get_smart.sh"), ("http://h/b#sha256=00", "b"),
      ("http://h", nil), ("http://h/", nil), ("http://h/..", nil), ("http://h/.", nil), ("http://h/a%2Fb", "a%2Fb"),
      ("http://h?x=/y", nil), ("http://h/../\u{301}evil", "\u{301}evil"), ("/a/\u{301}", "\u{301}"),
      ("http://h/x?\u{301}/y", "x"), ("http://\u{301}h/x", "x"), ("http://h/..#\u{301}", nil),
    ] as [(String, String?)])
  func fileName(url: String, name: String?) {
    // Not by `==`, which takes text for equal whose bytes are not.
    #expect(URLText.fileName(url).map { Array($0.utf8) } == name.map { Array($0.utf8) })
  }

  @Test(arguments: [
    ("http://u:p@h/x", "http://***@h/x"), ("http://h/x?a=b@c", "http://h/x?a=b@c"), ("http://a@b@h/", "http://***@h/"),
    ("no url", "no url"), ("u:p@h:9080", "***@h:9080"), ("u:p@h/x", "***@h/x"), ("root@h:/x", "root@h:/x"),
    ("http://u:p@\u{301}h/", "http://***@\u{301}h/"),
    ("http://h/?\u{301}&token=x&a=b", "http://h/?\u{301}&token=***&a=b"),
    ("//u:p@h", "//u:p@h"),
  ])
  func secrets(url: String, shown: String) { #expect(URLText.withoutSecrets(url) == shown) }

  @Test func digest() throws {
    let hex = String(repeating: "aB", count: 32)
    let (url, digest) = try URLText.splitDigest("http://h/f#sha256=\(hex)")
    #expect(url == "http://h/f")
    #expect(digest == hex.lowercased())
    #expect(try URLText.splitDigest("http://h/f#SHA256=\(hex)").sha256 == hex.lowercased())
    #expect(try URLText.splitDigest("http://h/f#part").sha256 == nil)
    for other in ["md5=00", "sha512=00", "sha256:00", "sha-256=00", "=", "\u{301}=1"] {
      #expect(throws: HTTPError.self) { try URLText.splitDigest("http://h/f#\(other)") }
    }
    for bad in ["", "ab", String(repeating: "g", count: 64), hex + "0"] {
      #expect(throws: HTTPError.self) { try URLText.splitDigest("http://h/f#sha256=\(bad)") }
    }
  }

  @Test func printable() {
    #expect(URLText.printable("a\r\n\u{1B}[31mb\u{7F} ") == "a   [31mb")
    #expect(URLText.printable("e" + String(repeating: "\u{301}", count: 100_000)).utf8.count < 1000)
    #expect(URLText.printable("  ") == "")
  }
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
