import Testing

@testable import OverlayBuild

struct InputKeyTests {
  private func key(_ parts: [(String, String)]) -> String {
    var key = InputKey()
    for (name, value) in parts { key.add(name, value) }
    return key.finish()
  }

  @Test func `Where one thing ends and the next begins decides about the key`() {
    let keys = [
      key([("a", "bc")]), key([("ab", "c")]), key([("a", "b"), ("c", "")]), key([("a", ""), ("b", "c")]),
      key([("a", "b"), ("c", "")].reversed()),
    ]
    #expect(Set(keys).count == keys.count)
    #expect(key([("a", "bc")]) == keys[0])
  }
}
