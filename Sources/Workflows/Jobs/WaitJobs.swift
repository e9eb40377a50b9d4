import JSONDocument

/// `Job.Wait.Completion.Uri`: waits for a request from the node's address whose URL contains `completionUri`, and that was
/// answered with success.
struct WaitForRequestJob: Job {
  private let options: JSONObject
  private let uri: String

  init(_ setting: JobSetting) throws(WorkflowError) {
    _ = try setting.node()
    options = setting.options
    uri = try setting.string("completionUri")
  }

  var templateValues: JSONObject? { options }
  var plan: [String] { ["waits until the node asks for \(uri)"] }

  mutating func start(at now: Int) -> [JobAction] { [] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    guard case .requestAnswered(let url, let status) = event else { return [] }
    return (200..<300).contains(status) && url.contains(uri) ? [.finish(.succeeded)] : []
  }
}

/// `Job.Wait.Notification`: waits for a `POST` of a notification for the node.
struct WaitForNotificationJob: Job {
  private let options: JSONObject

  init(_ setting: JobSetting) throws(WorkflowError) {
    _ = try setting.node()
    options = setting.options
  }

  var templateValues: JSONObject? { options }
  var plan: [String] { ["waits until a notification is posted for the node"] }

  mutating func start(at now: Int) -> [JobAction] { [] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    if case .notified = event { [.finish(.succeeded)] } else { [] }
  }
}
