import JSONDocument
import Testing

@testable import Workflows

/// Real jobs in runs.
@Suite struct JobTests {
  private static let node = "5b1c"
  private static let files: JSON = [
    "kernelFile": "k", "initrdFile": "i", "kernelUri": "k", "initrdUri": "i", "profile": "linux.ipxe",
  ]

  /// A run that has begun, and the effects of its beginning.
  private static func begin(_ items: [(String, JSON, JSON)], target: String? = node) throws -> (
    GraphRun, [WorkflowEffect]
  ) {
    let tasks = items.map { label, task, waitOn in
      ["label": .string(label), "taskDefinition": task, "waitOn": waitOn] as JSON
    }
    let plan = try plan(.graph(tasks), request: RunRequest(target: target, scope: .test), jobs: .stock)
    var run = GraphRun(plan, jobs: .stock)
    let effects = run.handle(.started, at: 1000)
    return (run, effects)
  }

  private static func report(_ tasks: [JSON]) -> WorkflowEvent {
    .nodeReported(["identifier": .string(node), "tasks": .array(tasks)])
  }

  @Test func `commands go out once and their marked output is stored`() throws {
    let commands: JSON = [
      "uname -a",
      ["command": "lsx", "catalog": ["source": "x", "format": "json"], "acceptedResponseCodes": [1], "timeout": 5],
      ["downloadUrl": "/api/f"],
    ]
    var (run, _) = try Self.begin([("a", .task(base: "Linux.Commands", options: ["commands": commands]), [:])])
    let set: JSON = [
      "identifier": "5b1c",
      "tasks": [
        ["cmd": "uname -a"],
        ["cmd": "lsx", "source": "x", "format": "json", "catalog": true, "acceptedResponseCodes": [1], "timeout": 5],
        ["downloadUrl": "/api/f"],
      ],
    ]
    #expect(run.handle(.nodeAsked, at: 1001) == [.handOut(task: "id1", set)])
    #expect(run.handle(.nodeAsked, at: 1002) == [.answerEmpty(task: "id1")])
    #expect(run.templateAnswer?.values["commands"] == commands)
    let task: JSON = ["cmd": "lsx", "source": "x", "format": "json", "catalog": true, "stdout": "{}", "error": nil]
    let stored = ReportedCatalog(kind: .marked(source: "x", format: "json"), task: task.object)
    #expect(
      run.handle(Self.report([["cmd": "uname -a", "stdout": "Linux"], task]), at: 2000) == [
        .perform(task: "id1", .storeCatalogs(node: "5b1c", [stored], replacesLast: false))
      ])
    #expect(
      run.handle(.performed(task: "id1", .done(nil)), at: 2001) == [
        .taskEnded(task: "id1", .succeeded), .graphEnded(.succeeded),
      ])
    #expect(run.handle(.nodeAsked, at: 2002).isEmpty)
  }

  private static let reportedTasks: [(JSON, TaskState)] = [
    (["error": nil], .succeeded), ([:], .succeeded), (["error": 1], .succeeded), (["error": ""], .succeeded),
    (["error": ["code": 1]], .failed), (["error": ["code": 1], "acceptedResponseCodes": [1]], .succeeded),
    (["error": "text"], .failed), (["error": ["code": "ENOENT"]], .failed), (["error": [:]], .succeeded),
  ]

  @Test(arguments: reportedTasks)
  func `which reports are failures`(task: JSON, state: TaskState) throws {
    var (run, _) = try Self.begin([("a", .task(base: "Linux.Commands", options: ["commands": "x"]), [:])])
    _ = run.handle(.nodeAsked, at: 1001)
    _ = run.handle(Self.report([["cmd": "x"], task]), at: 1002)
    #expect(run.tasks.first?.state == state)
    #expect(run.tasks.first?.error == (state == .failed ? "Encountered a failure running remote commands" : nil))
  }

  @Test func `a catalog beside a bootstrap with a group, until the trigger`() throws {
    let boot = JSON.task(base: "Linux.Bootstrap", options: Self.files.merged(with: ["triggerGroup": "bootstrap"]))
    let catalog = JSON.task(base: "Linux.Catalog", options: ["commands": "sudo dmidecode"])
    let trigger = JSON.task(
      base: "Trigger", options: ["triggerMode": "send", "triggerType": "finish", "triggerGroup": "bootstrap"])
    let reboot = JSON.task(base: "ShellReboot", options: ["rebootCode": 1])
    var (run, _) = try Self.begin([
      ("boot", boot, [:]), ("dmi", catalog, [:]), ("reboot", reboot, ["dmi": "finished"]),
      ("trigger", trigger, ["dmi": "finished"]),
    ])
    #expect(run.profile == "linux.ipxe")
    #expect(run.templateAnswer?.values["kernelFile"] == "k")
    let set: JSON = ["identifier": "5b1c", "tasks": [["cmd": "sudo dmidecode"]]]
    // Every request gets the set, until the report.
    #expect(run.handle(.nodeAsked, at: 1001) == [.handOut(task: "id2", set)])
    #expect(run.handle(.nodeAsked, at: 1002) == [.handOut(task: "id2", set)])
    _ = run.handle(Self.report([["cmd": "sudo dmidecode", "stdout": "x"]]), at: 1003)
    let effects = run.handle(.performed(task: "id2", .done(nil)), at: 1004)
    #expect(effects.contains(.taskEnded(task: "id1", .succeeded)))
    #expect(run.status == .succeeded)
    // The graph has succeeded at the first good end; the reboot still waits for the node.
    let exit: JSON = ["identifier": "5b1c", "tasks": [["cmd": ""]], "exit": 1]
    #expect(
      run.handle(.nodeAsked, at: 1005) == [.handOut(task: "id3", exit), .taskEnded(task: "id3", .succeeded)])
  }

  @Test func `of two tasks for one node each gets its own report`() throws {
    let commands = ["first", "second"].map { JSON.task(base: "Linux.Commands", options: ["commands": .string($0)]) }
    let noop: JSON = .task(base: "noop")
    var (run, _) = try Self.begin([
      ("a", commands[0], [:]), ("b", commands[1], [:]), ("c", noop, ["a": "succeeded", "b": "succeeded"]),
    ])
    func set(_ command: JSON) -> JSON { ["identifier": "5b1c", "tasks": [["cmd": command]]] }
    #expect(run.handle(.nodeAsked, at: 1001) == [.handOut(task: "id1", set("first"))])
    // The set is out: the other task's does not go out beside it.
    #expect(run.handle(.nodeAsked, at: 1002) == [.answerEmpty(task: "id1")])
    #expect(run.handle(.nodeReported(set("first")), at: 1003) == [.taskEnded(task: "id1", .succeeded)])
    // A report that comes again is nobody's.
    #expect(run.handle(.nodeReported(set("first")), at: 1004).isEmpty)
    #expect(run.handle(.nodeAsked, at: 1005) == [.handOut(task: "id2", set("second"))])
    _ = run.handle(.nodeReported(set("second")), at: 1006)
    #expect(run.status == .succeeded)
  }

  @Test func `a task that becomes ready does not take the place of the one whose set is out`() throws {
    let commands = JSON.task(base: "Linux.Commands", options: ["commands": "x"])
    var (run, _) = try Self.begin([
      ("late", commands, ["wait": "succeeded"]), ("early", commands, [:]),
      ("wait", .task(base: "noop", options: ["delay": 5]), [:]),
    ])
    _ = run.handle(.nodeAsked, at: 1001)
    _ = run.handle(.timePassed, at: 1005)
    #expect(run.tasks.map(\.isRunning) == [true, true, false])
    #expect(run.handle(.nodeAsked, at: 1006) == [.answerEmpty(task: "id2")])
  }

  @Test func `a bootstrap without a group ends at the first report`() throws {
    var (run, _) = try Self.begin([("boot", .task(base: "Linux.Bootstrap", options: Self.files), [:])])
    _ = run.handle(.nodeAsked, at: 1001)
    _ = run.handle(Self.report([["cmd": "", "error": ["code": 1]]]), at: 1002)
    #expect(run.status == .succeeded)
  }

  @Test(arguments: [("true", true), ("TRUE", true), ("false", false), ("yes", false)])
  func `a condition`(when: String, holds: Bool) throws {
    let (run, _) = try Self.begin([("a", .task(base: "Evaluate.Condition", options: ["when": .string(when)]), [:])])
    #expect(run.status == (holds ? .succeeded : .failed))
    #expect(run.tasks.first?.error == (holds ? nil : "condition evaluated to false"))
  }

  @Test func `a graph in a graph, which is cancelled with it`() throws {
    let task = JSON.task(base: "Graph.Run", options: ["graphName": "Graph.Child", "graphOptions": ["target": "n"]])
    for (status, end) in [(GraphStatus.succeeded, GraphStatus.succeeded), (.cancelled, .failed)] {
      var (run, effects) = try Self.begin([("a", task, [:])], target: nil)
      let request = ServerRequest.runGraph(name: "Graph.Child", options: (["target": "n"] as JSON).object)
      #expect(effects.last == .perform(task: "id1", request))
      _ = run.handle(.performed(task: "id1", .done("c1")), at: 1001)
      #expect(run.handle(.graphEnded(instanceId: "other", .succeeded), at: 1002).isEmpty)
      _ = run.handle(.graphEnded(instanceId: "c1", status), at: 1003)
      #expect(run.status == end)
      #expect(run.tasks.first?.error == (end == .failed ? "Graph c1 failed with status cancelled" : nil))
    }
    var (run, _) = try Self.begin([("a", task, [:])], target: nil)
    _ = run.handle(.performed(task: "id1", .done("c1")), at: 1001)
    let effects = run.handle(.cancelled, at: 1002)
    #expect(effects.contains(.perform(task: "id1", .cancelGraph(instanceId: "c1"))))
    #expect(run.tasks.first?.state == .cancelled)
  }

  @Test func `power by an OBM service, whose failure is the task's`() throws {
    let task = JSON.task(base: "Obm.Node", options: ["action": "setBootPxe", "retries": 2])
    var (run, effects) = try Self.begin([("a", task, [:])])
    let action = ManagementAction(action: "setBootPxe", service: nil, retries: 2, delay: 500)
    #expect(effects.last == .perform(task: "id1", .manage(node: "5b1c", action)))
    _ = run.handle(.performed(task: "id1", .failed("No OBM service assigned to this node.")), at: 1001)
    #expect(run.tasks.first?.error == "No OBM service assigned to this node.")
  }

  @Test(arguments: [(nil, "bmc"), ("3", "rmm"), ("5", "bmc-5")] as [(JSON?, String)])
  func `settings of IPMI are saved with the address of the catalog, and tried`(channel: JSON?, source: String) throws {
    var options: JSON = ["user": "{{ context.user }}", "password": "{{ context.password }}"]
    if let channel { options = options.merged(with: ["ipmichannel": channel]) }
    var (run, effects) = try Self.begin([
      ("pass", .task(base: "Generate.Password", options: ["user": "admin"]), [:]),
      ("save", .task(base: "Obm.Ipmi.CreateSettings", options: options), ["pass": "succeeded"]),
    ])
    #expect(effects.last == .perform(task: "id1", .makeRandomText(digits: 8)))
    effects = run.handle(.performed(task: "id1", .done("0badcafe")), at: 1001)
    #expect(effects.last == .perform(task: "id2", .readCatalogs(node: "5b1c", sources: [source])))
    let catalogs: JSON = [.init(source): ["data": ["MAC Address": "00:1e:67:00:00:01"]]]
    effects = run.handle(.performed(task: "id2", .done(catalogs)), at: 1002)
    let config: JSON = ["host": "00:1e:67:00:00:01", "user": "admin", "password": "0badcafe"]
    let save = ServerRequest.saveManagementSettings(
      node: "5b1c", service: "ipmi-obm-service", config: try #require(config.objectValue))
    #expect(effects == [.perform(task: "id2", save)])
    let status = ManagementAction(action: "powerStatus", service: "ipmi-obm-service", retries: 6, delay: 500)
    #expect(
      run.handle(.performed(task: "id2", .done(nil)), at: 1003) == [
        .perform(task: "id2", .manage(node: "5b1c", status))
      ])
    _ = run.handle(.performed(task: "id2", .failed("no answer")), at: 1004)
    #expect(run.tasks.last?.error == "no answer")
  }

  @Test(arguments: [([:], "there"), (["password": "given"], "given"), (["user": nil], "there")] as [(JSON, String)])
  func `a password that is there is kept`(options: JSON, password: String) throws {
    let task: JSON = ["label": "a", "taskDefinition": .task(base: "Generate.Password", options: options)]
    let context: JSON = ["password": "there"]
    let request = RunRequest(context: context.object, scope: .test)
    var run = GraphRun(try plan(.graph([task]), request: request, jobs: .stock), jobs: .stock)
    _ = run.handle(.started, at: 0)
    #expect(run.context["password"] == .string(password))
    #expect(run.context["user"] == "__rackhd__")
  }

  @Test func `a value of a catalog reaches a later command`() throws {
    let provide = JSON.task(base: "Catalogs.ProvideValue", options: ["source": "bios", "path": "version"])
    let get = JSON.task(
      base: "Get.Catalog.Values",
      options: ["requestedData": [["source": "bmc", "keys": ["ip": "data.IP", "none": "data.no"]]]])
    let use = JSON.task(
      base: "Linux.Commands", options: ["commands": "echo {{ context.bios.version }} {{ context.data.ip }}"])
    var (run, _) = try Self.begin([
      ("a", provide, [:]), ("b", get, ["a": "succeeded"]), ("c", use, ["b": "succeeded"]),
    ])
    _ = run.handle(.performed(task: "id1", .done(["bios": ["data": ["version": "S2B"]]])), at: 1001)
    _ = run.handle(.performed(task: "id2", .done(["bmc": ["data": ["IP": "10.0.0.9"]]])), at: 1002)
    #expect(run.context["data"] == ["ip": "10.0.0.9", "none": nil])
    let set: JSON = ["identifier": "5b1c", "tasks": [["cmd": "echo S2B 10.0.0.9"]]]
    #expect(run.handle(.nodeAsked, at: 1003) == [.handOut(task: "id3", set)])
  }

  @Test func `what the context does not give fails the task at its start`() throws {
    let (run, _) = try Self.begin([("a", .task(base: "Linux.Commands", options: ["commands": "{{ context.no }}"]), [:])]
    )
    #expect(run.tasks.first?.error == "Value does not exist for context.no")
    #expect(run.status == .failed)
  }

  @Test func `a request of the node that was answered`() throws {
    var (run, _) = try Self.begin([("a", .task(base: "Wait.Completion.Uri", options: ["completionUri": "done"]), [:])])
    _ = run.handle(.requestAnswered(url: "/x/done", status: 404), at: 1001)
    _ = run.handle(.requestAnswered(url: "/x/other", status: 200), at: 1002)
    #expect(run.status == .running)
    _ = run.handle(.requestAnswered(url: "/x/done?y", status: 200), at: 1003)
    #expect(run.status == .succeeded)
  }

  @Test(
    arguments: [
      ("Linux.Commands", ["commands": "x"], "Task.test talks to a node, but the graph has no target"),
      ("ShellReboot", ["rebootCode": "1"], "Task.test: rebootCode (number) is required"),
      (
        "Obm.Node", ["action": "reboot"], "Task.test acts on a node, but the graph has no target and the task no nodeId"
      ),
    ] as [(String, JSON, String)])
  func `a job that cannot run fails its task`(base: String, options: JSON, error: String) throws {
    let target = base == "ShellReboot" ? Self.node : nil
    let (run, _) = try Self.begin([("a", .task(base: base, options: options), [:])], target: target)
    #expect(run.tasks.first?.error == error)
    #expect(run.status == .failed)
  }

  @Test(arguments: [(nil, 86_400_000), (5000, 5000), (0, nil), (-1, nil), ("x", 86_400_000)] as [(JSON?, Int?)])
  func `the time limit of a task`(given: JSON?, limit: Int?) throws {
    var options: JSON = ["commands": "x"]
    if let given { options = options.merged(with: ["_taskTimeout": given]) }
    var (run, _) = try Self.begin([("a", .task(base: "Linux.Commands", options: options), [:])])
    #expect(run.nextTime == limit.map { $0 + 1000 })
    guard let limit else { return }
    #expect(run.handle(.timePassed, at: 999 + limit).isEmpty)
    _ = run.handle(.timePassed, at: 1000 + limit)
    #expect(run.tasks.first?.state == .timeout)
    #expect(run.tasks.first?.error == "Task did not complete within \(limit)ms")
    #expect(run.status == .failed)
  }
}
