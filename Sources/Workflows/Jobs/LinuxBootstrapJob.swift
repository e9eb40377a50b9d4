import JSONDocument

/// Boots the node into a microkernel: while it runs, the node's profile is the task's.
///
/// Without a `triggerGroup` it succeeds at the node's first report. With one it answers no request for work, so that other
/// tasks of the graph can, and succeeds when the group's `finish` trigger is sent.
struct LinuxBootstrapJob: Job {
  private let node: String
  private let options: JSONObject
  private let group: String?
  let profile: String?

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.node()
    options = setting.options
    profile = try setting.string("profile")
    group = setting.options["triggerGroup"]?.stringValue
  }

  var templateValues: JSONObject? { options }

  var plan: [String] {
    let files = ["kernelUri", "initrdUri", "basefsUri", "overlayfsUri", "dockerUri"]
    let booted = files.compactMap { name in
      options[name]?.stringValue.map { "  \(name) \($0)" }
    }
    let end = group.map { "it runs until the trigger finish of the group \($0)" } ?? "it runs until the node reports"
    return ["boots the node with the profile \(profile ?? ""); \(end)"] + booted
  }

  mutating func start(at now: Int) -> [JobAction] { [] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .asked where group == nil: [.handOut(["identifier": .string(node), "tasks": [["cmd": ""]]])]
    case .reported where group == nil: [.finish(.succeeded)]
    case .triggered("finish", let group) where group == self.group: [.finish(.succeeded)]
    default: []
    }
  }
}
