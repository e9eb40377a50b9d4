import Foundation
import TestSupport
import Testing

/// `monorail-mock check`, the real program.
@Suite struct CheckCommandTests {
  private static func check(_ arguments: [String], in directory: ScratchDirectory) throws -> ChildProcess.Result {
    try ChildProcess.run([BuiltPrograms.path("monorail-mock"), "check"] + arguments, in: directory.path)
  }

  /// The blocks of the page that have that language, without their fences.
  private static func blocks(_ language: String) throws -> [String] {
    let page = try String(contentsOfFile: Repository.path("docs/workflows.md"), encoding: .utf8)
    return page.components(separatedBy: "```\(language)\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
  }

  @Test func `the example of docs is printed as docs say`() throws {
    let directory = try ScratchDirectory()
    try directory.write(try #require(try Self.blocks("json").first), to: "card.json")
    let page = try String(contentsOfFile: Repository.path("docs/workflows.md"), encoding: .utf8)
    let line = try #require(page.split(separator: "\n").first { $0.hasPrefix("monorail-mock check") })
    let end = try Self.check(line.split(separator: " ").dropFirst(2).map(String.init), in: directory)
    #expect(end.code == 0, "\(end.errors)")
    #expect(end.output == (try Self.blocks("text").first))
    #expect(end.errors.isEmpty)

    let console = try #require(try Self.blocks("console").first).split(separator: "\n", maxSplits: 1)
    let mistakes = try Self.check(console[0].split(separator: " ").dropFirst(3).map(String.init), in: directory)
    #expect(mistakes.code == 1)
    #expect(mistakes.errors == String(console[1]))
    #expect(mistakes.output.contains("node: cardtool --write /opt/downloads/{{ options.file }}"))
  }

  @Test(
    arguments: [
      (
        #"{"tasks": [{"cmd": "x"}]}"#, [],
        "x.json: the document is a task set, which names commands: it is no definition"
      ),
      ("[1, {}]", [], "x.json: [0] is not an object\nx.json: [1] is neither a task definition (implementsTask) nor"),
      (
        #"{"injectableName": "T", "friendlyName": "x", "implementsTask": "Task.Base.No", "options": {}, "properties": {}}"#,
        [], "x.json: T: Base task definition for Task.Base.No should exist (object) is required"
      ),
      (
        #"{"injectableName": "", "friendlyName": "x", "implementsTask": "Task.Base.noop", "options": {}, "properties": {}}"#,
        [], "x.json: injectableName is empty"
      ),
      (
        #"{"injectableName": "T", "friendlyName": "x", "implementsTask": "Task.Base.noop", "options": {}}"#, [],
        "x.json: T: properties (object) is required"
      ),
      (
        #"{"injectableName": "G", "friendlyName": "x", "tasks": [{"label": "a", "taskName": "Task.No"}, {"label": "b", "taskName": "Task.Nor"}]}"#,
        [],
        """
        x.json: G, task a: Could not find task definition with injectableName Task.No
        x.json: G, task b: Could not find task definition with injectableName Task.Nor
        """
      ),
      (
        #"{"injectableName": "G", "friendlyName": "x", "tasks": [{"label": "a", "taskName": "Task.ProcShellReboot"}]}"#,
        ["--option", #"a.rebootCode="2""#],
        "x.json: G, task a, option rebootCode: Task.ProcShellReboot: rebootCode (number) is required"
      ),
      (
        #"{"injectableName": "G", "friendlyName": "x", "tasks": [{"label": "a", "taskName": "Task.noop"}]}"#,
        ["--option", "b.delay=2"], "x.json: G: no task has the label b, which an option names"
      ),
      (
        #"{"injectableName": "G", "friendlyName": "x", "tasks": [{"label": "a", "taskName": "Task.noop"}]}"#,
        ["--option", "a.delay=soon"],
        "x.json: G, task a, option delay: Task.noop: JSON schema validation failed - data.delay should be number"
      ),
      (
        "{\"injectableName\": \"G\u{1B}\", \"friendlyName\": 1, \"tasks\": []}", [],
        #"x.json: G\u{1b}: friendlyName (string) is required"#
      ),
    ] as [(String, [String], String)])
  func `a mistake is told with its place`(file: String, options: [String], words: String) throws {
    let directory = try ScratchDirectory()
    try directory.write(file, to: "x.json")
    let end = try Self.check(["x.json"] + options, in: directory)
    #expect(end.code == 1)
    #expect(end.errors.contains(words), "\(end.errors)")
  }

  @Test(
    arguments: [
      (["nowhere.json"], "cannot use nowhere.json as definitions: No such file or directory"),
      (["card.json", "--option", "x=1"], "--option x=1: expected label.name=value"),
      (["card.json", "--option", "a.b"], "--option a.b: expected label.name=value"),
    ])
  func `what cannot be used ends with 64`(arguments: [String], words: String) throws {
    let directory = try ScratchDirectory()
    try directory.write("[]", to: "card.json")
    let end = try Self.check(arguments, in: directory)
    #expect(end.code == 64)
    #expect(end.errors.contains(words), "\(end.errors)")
  }

  @Test(
    arguments: [
      (Array("\"a\u{0}b\"".utf8), "NUL byte"), ([0x22, 0xC3, 0x28, 0x22], "invalid utf-8 string"),
      (Array(repeating: UInt8(ascii: "["), count: 100_000), "nesting too deep"),
      (Array("[\(String(repeating: "1,", count: 1_000_001))1]".utf8), "more than 1000000 values"),
    ])
  func `a file that is no proper JSON is refused`(bytes: [UInt8], words: String) throws {
    let directory = try ScratchDirectory()
    try Data(bytes).write(to: URL(fileURLWithPath: directory("x.json")))
    let end = try Self.check(["x.json"], in: directory)
    #expect(end.code == 1)
    #expect(end.errors == "x.json: cannot be used as definitions: \(words), in line 1\n")
  }

  @Test func `a file that is no JSON is one mistake, and the other files are checked`() throws {
    let directory = try ScratchDirectory()
    func graph(_ name: String) -> String {
      #"{"injectableName": "\#(name)", "friendlyName": "x", "tasks": [{"label": "a", "taskName": "Task.noop"}]}"#
    }
    try directory.write(graph("G"), to: "first.json")
    try directory.write("{\n\"a\": tru }", to: "broken.json")
    try directory.write(graph("H"), to: "last.json")
    let end = try Self.check(["first.json", "broken.json", "last.json"], in: directory)
    #expect(end.code == 1)
    #expect(end.errors == "broken.json: cannot be used as definitions: tru is no value, in line 2\n")
    #expect(end.output == "G  x\n└ a  Task.noop\n\nH  x\n└ a  Task.noop\n")
  }

  @Test func `what is accepted but hardly meant is a remark`() throws {
    let directory = try ScratchDirectory()
    try directory.write(
      """
      { "injectableName": "G", "friendlyName": "x", "options": { "nobody": {} }, "tasks": [
        { "label": "a", "taskName": "Task.noop" },
        { "label": "b", "taskName": "Task.noop", "waitOn": { "a": "succeded" }, "waitsOn": {} } ] }
      """, to: "x.json")
    let end = try Self.check(["x.json"], in: directory)
    #expect(end.code == 0)
    #expect(
      end.errors == """
        remark: x.json: G: options.nobody has no effect: no task has this label
        remark: x.json: G, task b: the field waitsOn has no effect, and a PUT of this graph is refused
        remark: x.json: G, task b: it waits for a to be succeded, which is no state that a task ends in

        """)
  }

  @Test func `a field that is not known is a remark`() throws {
    let directory = try ScratchDirectory()
    try directory.write(
      """
      { "injectableName": "G", "friendlyName": "x", "serviceGraph": true, "tasks": [
        { "label": "a", "taskDefinition": { "friendlyName": "x", "injectableName": "T", "option": {},
          "implementsTask": "Task.Base.noop", "options": {}, "properties": {} } } ] }
      """, to: "x.json")
    let end = try Self.check(["x.json"], in: directory)
    #expect(end.code == 0)
    #expect(
      end.errors == """
        remark: x.json: G: the field serviceGraph of the graph has no effect, and a PUT of this graph is refused
        remark: x.json: G, task a: the field option of its taskDefinition is not known, and a PUT of this graph is refused

        """)
  }

  @Test func `a graph that runs a graph is checked with it, and one that runs itself is told`() throws {
    let directory = try ScratchDirectory()
    func graph(_ name: String, runs child: String) -> String {
      """
      { "injectableName": "\(name)", "friendlyName": "x", "tasks": [ { "label": "a", "taskDefinition": {
        "friendlyName": "x", "injectableName": "T", "implementsTask": "Task.Base.Graph.Run", "properties": {},
        "options": { "graphName": "\(child)", "graphOptions": {} } } } ] }
      """
    }
    let list = [
      graph("G.1", runs: "G.2"), graph("G.2", runs: "G.1"), graph("G.3", runs: "G.4"),
      graph("G.5", runs: "Graph.Discovery"),
    ]
    try directory.write("[\(list.joined(separator: ","))]", to: "x.json")
    let end = try Self.check(["x.json"], in: directory)
    #expect(end.code == 1)
    #expect(end.errors.contains("x.json: G.2, task a: the graph G.1 runs itself: G.1 > G.2 > G.1\n"))
    #expect(end.errors.contains("x.json: G.3, task a, option graphName: Graph definition not found for G.4\n"))
    // The child has no node.
    let words = "Task.Linux.Bootstrap.Ubuntu talks to a node, but the graph has no target"
    #expect(end.errors.contains("x.json: Graph.Discovery, task bootstrap-ubuntu: \(words)\n"))
    #expect(end.output.contains("└ a  T\n      runs the graph G.2 with the options {}\n      G.2  x\n"))
  }

  @Test func `tasks that wait for each other are all printed, and every mistake is told`() throws {
    let directory = try ScratchDirectory()
    try directory.write(
      """
      { "injectableName": "G", "friendlyName": "x", "tasks": [
        { "label": "a", "taskName": "Task.noop", "waitOn": { "b": "succeeded" } },
        { "label": "b", "taskName": "Task.noop", "waitOn": { "a": "succeeded", "c": "failed" } } ] }
      """, to: "x.json")
    let end = try Self.check(["x.json"], in: directory)
    #expect(end.code == 1)
    #expect(end.output == "G  x\n├ a  Task.noop, after b succeeded\n└ b  Task.noop, after a succeeded, and c failed\n")
    #expect(
      end.errors == """
        x.json: G, task b: Task to wait on does not exist: c
        x.json: G, task b: Detected a cyclic graph with tasks Task.noop and Task.noop

        """)
  }

  @Test func `a name that is defined twice is a mistake`() throws {
    let directory = try ScratchDirectory()
    let graph = #"{"injectableName": "G", "friendlyName": "x", "tasks": []}"#
    try directory.write(graph, to: "a.json")
    try directory.write(graph, to: "b.json")
    let end = try Self.check(["a.json", "b.json"], in: directory)
    #expect(end.code == 1)
    #expect(end.errors == "b.json: G is defined in a.json, too\n")
  }
}
