import JSONDocument
import Testing

@testable import Workflows

@Suite struct LibraryTests {
  /// What a request must give besides the target.
  private static func options(_ graph: String) -> JSON {
    let erase: JSON = [
      "eraseSettings": [["disks": ["sda", 2], "tool": "hdparm"], ["disks": ["/dev/sdb"], "arg": "nnsa"]]
    ]
    let raid: JSON = ["hddArr": [["enclosure": 252, "type": "raid1", "drives": "[0,1]"]]]
    return switch graph {
    case "Graph.SKU.Discovery", "Graph.SKU.Orig.Discovery":
      ["defaults": ["nodeId": "n1", "graphOptions": ["target": "n1"]]]
    case "Graph.Refresh.Immediate.Discovery", "Graph.Refresh.Delayed.Discovery":
      [
        "defaults": ["nodeId": "n1"], "discovery-refresh-graph": ["graphOptions": ["target": "n1"]],
        "generate-sku": ["nodeId": "n1"],
      ]
    case "Graph.Bootstrap.With.BMC.Credentials.Setup": ["defaults": ["graphOptions": ["target": "n1"]]]
    case "Graph.Bootstrap.With.BMC.Credentials.Remove":
      [
        "defaults": [
          "graphOptions": ["target": "n1", "remove-bmc-credentials": ["users": ["old"]]]
        ]
      ]
    case "Graph.GenerateTags": ["generate-tag": ["nodeIds": ["n1", "n2"]]]
    case "Graph.Bootstrap.Megaraid.Configure", "Graph.Raid.Create.Perccli": ["config-raid": raid]
    case "Graph.Drive.SecureErase": ["drive-secure-erase": erase]
    case "Graph.Bootstrap.Decommission.Node":
      [
        "drive-secure-erase": erase, "remove-bmc-credentials": ["users": ["old"]],
        "when-secure-erase": ["useSecureErase": "true"],
      ]
    case "Graph.Remove.Bmc.Credentials": ["remove-bmc-credentials": ["users": ["old", "older"]]]
    default: ["defaults": ["file": "new.bin"]]
    }
  }

  private static let graphs = (try? DefinitionLibrary.stock())?.graphs.keys.sorted() ?? []

  /// Graphs that a stock server runs without a node of their own: their options name it.
  private static let withoutTarget = graphs.filter {
    $0.hasPrefix("Graph.SKU.") || $0.hasPrefix("Graph.Refresh.") || $0.hasPrefix("Graph.Bootstrap.With.")
  }

  private static func request(_ graph: String) -> RunRequest {
    RunRequest(
      options: options(graph).object, target: withoutTarget.contains(graph) ? nil : "n1", scope: .test)
  }

  @Test func `the library has the stock server's graphs for a Linux node`() {
    #expect(Self.graphs.count == 37)
  }

  @Test(arguments: graphs)
  func `every graph of the library could run`(name: String) throws {
    let library = try DefinitionLibrary.stock()
    let check = GraphCheck(
      .object(try library.graph(name).document), Self.request(name), library: library, jobs: .stock)
    #expect(check.mistakes.isEmpty)
    #expect(check.remarks.isEmpty)
  }

  private static let catalogs: JSON = [
    "ami": ["data": ["systemRomId": "S2B"]], "bmc": ["data": ["MAC Address": "00:1e:67:00:00:01"]],
    "driveId": [
      "data": [
        ["identifier": 1, "devName": "sda", "virtualDisk": ""],
        ["identifier": 2, "devName": "sdb", "virtualDisk": "/c0/v1"],
      ]
    ],
  ]

  /// Runs a graph to its end with a node and a server that do all, and brings it back from what is stored of it now and
  /// then.
  private static func finish(_ name: String, _ request: RunRequest, commands: inout [String]) throws -> GraphRun {
    let isOuter = request.depth == 0
    let library = try DefinitionLibrary.stock()
    let graph = JSON.object(try library.graph(name).document)
    var record = RecordedRun(try plan(graph, request: request, library: library, jobs: .stock), jobs: .stock)
    var all: [String] = []
    let node = HandNode { request in
      switch request {
      case .readCatalogs: .done(Self.catalogs)
      case .makeRandomText: .done("0badcafe")
      case .runSKUGraph: .done(nil)
      default: .done(nil)
      }
    } runGraph: { name, options in
      let request = RunRequest(
        options: options, target: options["target"]?.stringValue, scope: .test, depth: request.depth + 1)
      return try Self.finish(name, request, commands: &all).status
    }
    all += try node.finish(&record) {
      guard isOuter, $0.events.count % 4 == 0 else { return }
      let isSame = try $0.restart()
      #expect(isSame)
    }
    commands = all
    return record.run
  }

  @Test(arguments: graphs)
  func `every graph of the library runs to its end`(name: String) throws {
    var commands: [String] = []
    let run = try Self.finish(name, Self.request(name), commands: &commands)
    #expect(run.status == .succeeded)
    let failed = run.tasks.filter { $0.state != .succeeded && $0.state != .pending }
    #expect(failed.allSatisfy { $0.plan.resolved.base.runJob == "Job.Evaluate.Condition" }, "\(failed.map(\.label))")
    #expect(!run.tasks.contains { $0.isRunning })
    // What did not run stands on the other side of a condition.
    let idle = run.tasks.filter { $0.state == .pending }
    #expect(idle.allSatisfy { Self.otherSides.contains($0.label) }, "\(idle.map(\.label))")
    #expect(!commands.contains { $0.contains("{{") })
  }

  private static let otherSides = ["noop", "set-bmc-credentials-graph", "shell-commands", "shell-reboot"]

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

  @Test(arguments: ["false", "true"])
  func `the discovery graph reboots the node unless that is skipped`(skipReboot: String) throws {
    var request = Self.request("Graph.Discovery")
    request.options = (["skip-reboot-post-discovery": ["skipReboot": .string(skipReboot)]] as JSON).object
    var commands: [String] = []
    let run = try Self.finish("Graph.Discovery", request, commands: &commands)
    let left = Set(run.tasks.filter { $0.state != .succeeded }.map(\.label))
    #expect(left == (skipReboot == "true" ? ["shell-reboot"] : ["skip-reboot-post-discovery", "noop"]))
    #expect(commands.first == "sudo dmidecode")
    #expect(commands.contains("sudo ipmitool -c user list 15"))
  }

  @Test func `disks are erased with what the catalog says of them`() throws {
    var commands: [String] = []
    _ = try Self.finish("Graph.Drive.SecureErase", Self.request("Graph.Drive.SecureErase"), commands: &commands)
    let base = "http://10.1.1.1:9080/api/current"
    #expect(
      commands.filter { $0.contains("secure_erase") } == [
        #"sudo python secure_erase.py -i id8 -s \#(base)/notification/progress -t hdparm -d '{"identifier":1,"devName":"sda","virtualDisk":""}' -d '{"identifier":2,"devName":"sdb","virtualDisk":"/c0/v1"}' -v lsi"#,
        #"sudo python secure_erase.py -i id8 -s \#(base)/notification/progress -t scrub -d '{"identifier":2,"devName":"sdb","virtualDisk":"/c0/v1"}' -o nnsa -v lsi"#,
      ])
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
