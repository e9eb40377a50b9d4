import JSONDocument

/// Ends the node's agent with a code, at which the node reboots. It succeeds when the task set is handed out, before the
/// node has reported.
struct ShellRebootJob: Job {
  private let node: String
  private let code: JSON

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.node()
    guard case .number? = setting.options["rebootCode"], let code = setting.options["rebootCode"] else {
      throw WorkflowError("\(setting.taskName): rebootCode (number) is required", option: "rebootCode")
    }
    self.code = code
  }

  var plan: [String] { ["node: the agent ends with the code \(code.text)"] }

  mutating func start(at now: Int) -> [JobAction] { [] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    guard event == .asked else { return [] }
    return [
      .handOut(["identifier": .string(node), "tasks": [["cmd": ""]], "exit": code]), .finish(.succeeded),
    ]
  }
}
