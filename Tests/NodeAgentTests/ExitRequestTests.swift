import MonorailProtocol
import Testing

@testable import NodeAgent

@Suite struct ExitRequestTests {
  @Test(
    "a code that rc.local would take for the agent's own end becomes 1, and the line says both",
    arguments: [
      ("0", 0), ("1", 1), ("2", 2), ("3.0", 3), ("2.7", 2), ("74", 74), ("76", 76), ("77", 77), ("79", 79),
      ("125", 125),
      ("127", 127), ("75", 1), ("78", 1), ("126", 1), ("128", 1), ("130", 1), ("255", 1), ("256", 1), ("-1", 1),
      ("-127", 1), ("4294967296", 1), ("1e2", 100), ("1e30", 1), ("-1e400", 1), ("123456789012345678901234567890", 1),
    ])
  func code(asked: String, code: Int32) throws {
    let set = try TaskSet(parsing: Array(#"{"tasks":[],"exit":\#(asked)}"#.utf8))
    let request = try #require(ExitRequest(set))
    #expect(request.code == code)
    #expect(request.description.contains("to end with code \(asked)"))
    #expect(request.description.hasSuffix("; it ends with \(code)") == (asked != String(code)))
  }

  @Test(arguments: ["null", #""1""#, "{}", "[]", "true"]) func none(exit: String) throws {
    #expect(try ExitRequest(TaskSet(parsing: Array(#"{"tasks":[],"exit":\#(exit)}"#.utf8))) == nil)
  }
}
