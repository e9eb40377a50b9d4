import JSONDocument
import Testing

@Suite struct JSONObjectMergingTests {
  /// Both ways of doing it, that for few members and that for many.
  @Test(arguments: [3, 300])
  func `members are set in their places, new ones at the end`(count: Int) throws {
    let numbers = (0..<count).map { "\"a\($0)\":\($0)" }.joined(separator: ",")
    let object = try #require(try JSON(parsing: "{\(numbers)}").objectValue)
    let other = try #require(try JSON(parsing: "{\"new\":0,\(numbers),\"last\":0}").objectValue)
    let result = object.setting(other) { .array([$0, $1]) }
    #expect(result.members.map(\.key) == object.members.map(\.key) + ["new", "last"])
    #expect(result["a2"] == [2, 2])
    #expect(result["last"] == 0)
    #expect(object.setting(other)["a1"] == 1)
    #expect(result.filtered { $0.key == "a1" } == (["a1": [1, 1]] as JSON).objectValue)
    #expect(object.mapValues { _ in nil }["a1"] == .null)
  }
}
