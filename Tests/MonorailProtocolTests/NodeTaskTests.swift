import JSONDocument
import MonorailProtocol
import Testing

@Suite struct NodeTaskTests {
  private static let year = 365 * 86_400_000

  @Test(
    "a number in another form counts, one that is too large is bounded, and both are said",
    arguments: [
      ("500", 500, false), ("500.0", 500, false), ("5e2", 500, false), (#""500""#, 500, true), ("500.5", 501, true),
      (#""500.5""#, 501, true), ("0.001", 1, true), ("1e300", year, true), ("1e400", year, true),
      (#""1e30""#, year, true),
      ("99999999999999999999", year, true), ("0", nil, false), ("null", nil, false), ("-5", nil, true),
      ("-1e30", nil, true),
      (#""soon""#, nil, true), (#""nan""#, nil, true), ("true", nil, true), ("[1]", nil, true), (#""""#, nil, true),
    ] as [(String, Int?, Bool)])
  func timeout(text: String, milliseconds: Int?, isSaid: Bool) throws {
    let task = NodeTask(fields: try #require(JSON(parsing: Array(#"{"timeout":\#(text)}"#.utf8)).objectValue))
    #expect(task.timeout == milliseconds)
    #expect(task.remarks.map { $0.hasPrefix("its timeout is \(text); ") } == (isSaid ? [true] : []))
  }

  @Test(arguments: [("2", 2), (#""2""#, 2), ("1.5", 2), ("1e30", 1000), ("-3", 0), (#""often""#, 0)])
  func retries(text: String, count: Int) throws {
    let task = NodeTask(fields: try #require(JSON(parsing: Array(#"{"retries":\#(text)}"#.utf8)).objectValue))
    #expect(task.retries == count)
    #expect(task.remarks.isEmpty == (text == "2"))
  }
}
