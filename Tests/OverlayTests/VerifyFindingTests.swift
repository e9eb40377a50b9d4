import Foundation
import Testing

@testable import Overlay

struct VerifyFindingTests {
  private static func finding(_ path: String, _ message: String, cause: String? = nil) throws -> Finding {
    Finding(.error, .library, try OverlayPath(path), message, cause: cause)
  }

  @Test func moreThanThreeOfOneCauseAreOneLine() throws {
    let three = try ["a", "b", "c"].map { try Self.finding($0, "needs it") }
    #expect(FindingGroup.groups(of: three).map(\.description) == three.map { "\($0) [library]" })
    let other = Finding(.warning, .name, nil, "is odd")
    let many =
      try ["a", "b", "c", "d", "e"].map { try Self.finding($0, "needs \($0)", cause: "needs something") } + [other]
    #expect(
      FindingGroup.groups(of: many).map(\.description) == [
        "error: each of 5 entries needs something [library]: a, b, c and 2 more; --all shows each",
        "warning: is odd [name]",
      ])
    #expect(FindingGroup.groups(of: many, isComplete: true).count == 6)
  }

  @Test func theSameWordsOfAnotherSeverityAreAnotherCause() throws {
    let errors = try ["a", "b", "c"].map { try Self.finding($0, "needs it") }
    let warnings = try ["d", "e", "f"].map { Finding(.warning, .library, try OverlayPath($0), "needs it") }
    #expect(FindingGroup.groups(of: errors + warnings).count == 6)
  }

  @Test(arguments: [
    ("usr/bin/x", true), ("/usr/bin/x", true), ("usr/bin/x:library", true), ("usr/bin/x:name", false),
    ("usr/bin", false),
    ("usr/*", true), ("*x:library", true), (":library", false), ("usr/bin/[x]", true),
  ])
  func patterns(_ text: String, _ matches: Bool) throws {
    #expect(try IgnoredFindings(text).contains(Self.finding("usr/bin/x", "needs it")) == matches)
  }

  @Test func patternsOfOddNames() throws {
    let path = try OverlayPath(archiveName: Array("a[b:\u{1}".utf8))
    let finding = Finding(.error, .link, path, "leads nowhere")
    #expect(try IgnoredFindings("a[b:\\001:link").contains(finding))
    #expect(try IgnoredFindings(":name").contains(Finding(.warning, .name, nil, "is odd")))
    #expect(try !IgnoredFindings("*").contains(Finding(.warning, .name, nil, "is odd")))
    for text in ["", "x:y", "x:"] { #expect(throws: OverlayError.self) { try IgnoredFindings(text) } }
  }
}
