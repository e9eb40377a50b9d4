import JSONDocument
import Testing

@testable import Workflows

@Suite struct LibraryTests {
  @Test func `every graph of the library could run`() throws {
    let library = try DefinitionLibrary.stock()
    #expect(library.graphs.count >= 15)
    for (name, graph) in library.graphs.sorted(by: { $0.key < $1.key }) {
      let options: JSON = ["defaults": ["file": "new.bin"]]
      let check = GraphCheck(
        .object(graph.document), RunRequest(options: options.object, target: "n1", scope: .test), library: library,
        jobs: .stock)
      #expect(check.mistakes.isEmpty, "\(name)")
      #expect(check.remarks.isEmpty, "\(name)")
    }
  }

  @Test func `every task of the library has a base task, whose job is here`() throws {
    let library = try DefinitionLibrary.stock()
    for task in library.tasks.values {
      let definition = try TaskDefinition(task)
      let base = try #require(BaseTask.named(definition.implementsTask))
      #expect(JobKinds.stock.kind(base.runJob) != nil, "\(definition.injectableName)")
    }
  }

  @Test func `a flash that is not told the file is refused`() throws {
    let library = try DefinitionLibrary.stock()
    let graph = try library.graph("Graph.Flash.Flashrom")
    let check = GraphCheck(
      .object(graph.document), RunRequest(target: "n1", scope: .test), library: library, jobs: .stock)
    #expect(
      check.mistakes.first
        == WorkflowError(
          "Value does not exist for options.file", definition: "Graph.Flash.Flashrom",
          label: "download-flashrom-firmware", option: "commands[1]"))
  }

  /// The whole discovery, with a node that reports success: every task in turn, then the reboot.
  @Test(arguments: ["false", "true"])
  func `the discovery graph runs to its end`(skipReboot: String) throws {
    let library = try DefinitionLibrary.stock()
    let request = RunRequest(
      options: (["skip-reboot-post-discovery": ["skipReboot": .string(skipReboot)]] as JSON).object, target: "n1",
      scope: .test)
    let plan = try plan(
      .object(try library.graph("Graph.Discovery").document), request: request, library: library, jobs: .stock)
    var run = GraphRun(plan, jobs: .stock)
    var pending = run.handle(.started, at: 0)
    var commands: [String] = []
    var now = 0
    for _ in 0..<100 {
      now += 1
      if pending.isEmpty { pending = run.handle(.nodeAsked, at: now) }
      guard !pending.isEmpty else { break }
      let effects = pending
      pending = []
      for effect in effects {
        switch effect {
        case .handOut(_, let set):
          commands += set["tasks"]?.arrayValue?.compactMap { $0["cmd"]?.stringValue } ?? []
          if set["exit"] == nil { pending += run.handle(.nodeReported(set), at: now) }
        case .perform(let task, _): pending += run.handle(.performed(task: task, .done(nil)), at: now)
        default: break
        }
      }
    }
    #expect(run.status == .succeeded)
    let left = Set(run.tasks.filter { $0.state != .succeeded }.map(\.label))
    #expect(left == (skipReboot == "true" ? ["shell-reboot"] : ["skip-reboot-post-discovery", "noop"]))
    #expect(commands.first == "sudo dmidecode")
    #expect(commands.contains("sudo ipmitool -c user list 15"))
  }

  @Test func `volumes that are named are created and deleted`() throws {
    let library = try DefinitionLibrary.stock()
    func command(_ graph: String, _ label: String, _ options: JSON) throws -> JSON? {
      let request = RunRequest(options: ([.init(label): options] as JSON).object, target: "n1", scope: .test)
      let plan = try plan(
        .object(try library.graph(graph).document), request: request, library: library, jobs: .stock)
      return plan.tasks.first { $0.label == label }?.options["commands"]?.arrayValue?.first
    }
    let storcli = "sudo /opt/MegaRAID/storcli/storcli64 /c0"
    #expect(try command("Graph.Raid.Delete.MegaRAID", "delete-raid", [:]) == .string("\(storcli)/vall del force"))
    #expect(
      try command("Graph.Raid.Delete.MegaRAID", "delete-raid", ["deleteAll": false, "raidIds": [3, 5]])
        == .string("set -e; \(storcli)/v3 del force; \(storcli)/v5 del force"))
    let list: JSON = [["type": "raid1", "enclosure": 252, "drives": "1,2"]]
    #expect(
      try command("Graph.Raid.Create.MegaRAID", "create-raid", ["createDefault": false, "raidList": list])
        == .string("set -e; \(storcli) add vd type=raid1 drives=252:1,2"))
  }
}
