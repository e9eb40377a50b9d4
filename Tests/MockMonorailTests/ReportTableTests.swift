import JSONDocument
import MockMonorail
import MonorailProtocol
import Testing

@Suite struct ReportTableTests {
  @Test(
    arguments: [
      (#"{"cmd":"a"}"#, .notRun), (#"{"cmd":"a","stdout":"","error":null}"#, .succeeded),
      (#"{"cmd":"a","stdout":"","error":{}}"#, .succeeded), (#"{"error":{"code":127}}"#, .absent(isAccepted: false)),
      (#"{"error":{"code":127},"acceptedResponseCodes":[127]}"#, .absent(isAccepted: true)),
      (#"{"error":{"code":1},"stderr":"sudo: storcli64: command not found\n"}"#, .absent(isAccepted: false)),
      (#"{"error":{"code":1},"acceptedResponseCodes":[1]}"#, .accepted(code: 1)),
      (#"{"error":{"code":3}}"#, .failed("code 3")), (#"{"error":{"code":"ENOENT"}}"#, .failed("ENOENT")),
      (#"{"error":{"code":null,"killed":false,"signal":"SIGSEGV"}}"#, .failed("SIGSEGV")),
      (#"{"error":{"code":null,"killed":true,"signal":"SIGTERM"}}"#, .failed("timeout")),
    ] as [(String, TaskOutcome)])
  func outcome(text: String, expected: TaskOutcome) throws {
    #expect(TaskOutcome(NodeTask(fields: try #require(JSON(parsing: text).objectValue))) == expected)
  }

  private let report = #"""
    {"identifier":"n1","tasks":[
      {"cmd":"sudo dmidecode","stdout":"\n# dmidecode 3.4\n","error":null,
       "agent":{"durationMilliseconds":1234,"attempts":2,"stdoutCut":1500}},
      {"cmd":"storcli64 /c0 show all J","stdout":"","stderr":"storcli64: not\u001b[31m found","error":{"code":127}},
      {"cmd":"later"}]}
    """#

  @Test func plain() throws {
    let table = ReportTable(try TaskSet(parsing: Array(report.utf8)), title: "0001.json").text()
    #expect(
      table
        == """
        0001.json: node n1
        TASK                      STATUS           TIME             OUTPUT  FIRST LINE
        dmidecode                 ok, 2 attempts  1.2 s  17 B (1.5 kB cut)  # dmidecode 3.4
        storcli64 /c0 show all J  absent                               0 B  storcli64: not [31m found
        later                     not run
        3 tasks, 1 absent, 1 not run

        """)
  }

  @Test func oneTaskIsNotSeveral() throws {
    let table = ReportTable(try TaskSet(parsing: Array(#"{"tasks":[{"cmd":"a"}]}"#.utf8)), title: "t").text()
    #expect(table.hasSuffix("\n1 task, 1 not run\n"))
  }

  @Test(arguments: [60, 80, 100])
  func fitsTheWidth(width: Int) throws {
    let long = String(repeating: "word ", count: 100)
    let text = #"{"tasks":[{"cmd":"\#(long)","stdout":"\#(long)","error":null}]}"#
    let table = ReportTable(try TaskSet(parsing: Array(text.utf8)), title: "t").text(.init(width: width))
    #expect(table.split(separator: "\n").allSatisfy { $0.count <= width })
    #expect(table.contains("…"))
  }

  @Test func color() throws {
    let taskSet = try TaskSet(parsing: Array(report.utf8))
    #expect(ReportTable(taskSet, title: "t").text(.init(usesColor: true)).contains("\u{1B}[32mok, 2 attempts"))
    #expect(!ReportTable(taskSet, title: "t").text().contains("\u{1B}"))
  }
}
