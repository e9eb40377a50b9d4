import JSONDocument

/// Sends a trigger to the tasks of this graph that listen now, or waits for one. Any other mode never ends.
struct TriggerJob: Job {
  private let mode: String
  private let type: String
  private let group: String

  init(_ setting: JobSetting) throws(WorkflowError) {
    mode = try setting.string("triggerMode")
    type = try setting.string("triggerType")
    group = try setting.string("triggerGroup")
  }

  var plan: [String] {
    switch mode {
    case "send": ["sends the trigger \(type) to the group \(group)"]
    case "receive": ["waits for the trigger \(type) of the group \(group)"]
    default: ["never ends: \(mode) is no mode"]
    }
  }

  mutating func start(at now: Int) -> [JobAction] {
    mode == "send" ? [.trigger(type: type, group: group), .finish(.succeeded)] : []
  }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    mode == "receive" && event == .triggered(type: type, group: group) ? [.finish(.succeeded)] : []
  }
}
