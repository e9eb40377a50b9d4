import JSONDocument

/// What runs in a task: a state machine. Events come in, actions go out.
///
/// A job does no I/O. What the server must do for it, it asks for with `JobAction.perform`. Jobs are compared, since an
/// event that leaves a run as it was need not be stored.
public protocol Job: Sendable, Equatable {
  /// - Throws: `WorkflowError` when the options do not let it run.
  init(_ setting: JobSetting) throws(WorkflowError)

  /// - Parameter now: in milliseconds.
  mutating func start(at now: Int) -> [JobAction]

  /// - Parameter now: in milliseconds.
  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction]

  /// What it gives to templates that the node fetches; `nil` for a job that does not answer such requests.
  var templateValues: JSONObject? { get }

  /// The name of the iPXE profile that the node gets while it runs.
  var profile: String? { get }

  /// What it does, a line each, for people: above all, what runs on the node.
  var plan: [String] { get }
}

extension Job {
  public var templateValues: JSONObject? { nil }
  public var profile: String? { nil }
  public mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] { [] }

  func isEqual(to other: any Job) -> Bool { other as? Self == self }
}

/// What a job is made of.
public struct JobSetting: Sendable {
  public let taskName: String
  /// The task's `instanceId`.
  public let taskId: String
  /// The task's options, rendered.
  public let options: JSONObject
  /// The graph's shared values.
  public let context: JSONObject

  public init(taskName: String, taskId: String, options: JSONObject, context: JSONObject) {
    (self.taskName, self.taskId) = (taskName, taskId)
    (self.options, self.context) = (options, context)
  }

  /// The node that the graph is for.
  public var target: String? { context["target"]?.stringValue }

  /// - Throws: `WorkflowError` when the graph has no target.
  func node() throws(WorkflowError) -> String {
    guard let target else { throw WorkflowError("\(taskName) talks to a node, but the graph has no target") }
    return target
  }

  /// The node that the graph is for, else that of the option `nodeId`.
  ///
  /// - Throws: `WorkflowError` when there is neither.
  func nodeOrOption() throws(WorkflowError) -> String {
    guard let node = target ?? options["nodeId"]?.stringValue else {
      throw WorkflowError("\(taskName) acts on a node, but the graph has no target and the task no nodeId")
    }
    return node
  }

  /// - Throws: `WorkflowError` when the option is no text.
  func string(_ option: String) throws(WorkflowError) -> String {
    guard let value = options[option]?.stringValue else {
      throw WorkflowError("\(taskName): \(option) (string) is required", option: option)
    }
    return value
  }
}

/// What happens to a running job.
public enum JobEvent: Sendable, Hashable {
  /// The node asked for work.
  case asked
  /// The node reported: the task set with results.
  case reported(JSON)
  /// The time came for which the job asked.
  case timePassed
  /// What the job asked the server for is done, or failed.
  case performed(RequestAnswer)
  /// A task of this graph sent a trigger.
  case triggered(type: String, group: String)
  /// A request that came from the node's address was answered.
  case requestAnswered(url: String, status: Int)
  /// A graph's run ended.
  case graphEnded(instanceId: String, GraphStatus)
  /// `POST notification` came for the node.
  case notified(JSON)
  /// The task was cancelled, or its time was up.
  case stopped(TaskState)
}

/// What a job wants.
public enum JobAction: Sendable, Hashable {
  case finish(TaskOutcome)
  /// The node's request for work is answered with a task set.
  case handOut(JSON)
  /// The node's request for work is answered with an empty body.
  case answerEmpty
  /// Wakes the job at that time, in milliseconds.
  case wake(at: Int)
  /// Wakes those jobs of this graph that listen now.
  case trigger(type: String, group: String)
  /// The server is to do something; `JobEvent.performed` answers.
  case perform(ServerRequest)
}

/// How a task ended.
public struct TaskOutcome: Sendable, Hashable {
  public let state: TaskState
  public let error: String?
  /// Merged into the graph's context, by key.
  public let context: JSONObject
  /// What went wrong without making the task fail, in words.
  public var remark: String?

  public static let succeeded = TaskOutcome(state: .succeeded, error: nil, context: JSONObject())

  public static func succeeded(context: JSONObject) -> TaskOutcome {
    TaskOutcome(state: .succeeded, error: nil, context: context)
  }

  /// - Parameter answer: to `ServerRequest.storeCatalogs`.
  static func stored(_ answer: JSON) -> TaskOutcome {
    TaskOutcome(state: .succeeded, error: nil, context: JSONObject(), remark: answer.stringValue)
  }

  public static func failed(_ error: String) -> TaskOutcome {
    TaskOutcome(state: .failed, error: error, context: JSONObject())
  }
}
