import JSONDocument

/// What happens to a run.
public enum WorkflowEvent: Sendable, Hashable {
  /// The run begins.
  case started
  /// The run's node asked for work.
  case nodeAsked
  /// The run's node reported.
  case nodeReported(JSON)
  /// The server did what a task asked for, or could not.
  ///
  /// - task: its `instanceId`.
  case performed(task: String, RequestAnswer)
  /// The server gives a task up: its task set is lost.
  ///
  /// - task: its `instanceId`.
  case failed(task: String, reason: String)
  /// A request from the node's address was answered.
  case requestAnswered(url: String, status: Int)
  /// Another graph's run ended.
  case graphEnded(instanceId: String, GraphStatus)
  /// `POST notification` came for the node.
  case notified(JSON)
  /// Time passed: at the latest at `GraphRun.nextTime`.
  case timePassed
  case cancelled
}

/// What a run wants, or tells.
public enum WorkflowEffect: Sendable, Hashable {
  /// - task: its `instanceId`, as in the others.
  case taskStarted(task: String)
  /// The node's request is answered with a task set.
  case handOut(task: String, JSON)
  /// The node's request is answered with 200 and an empty body: its task set is out already.
  case answerEmpty(task: String)
  case perform(task: String, ServerRequest)
  case taskEnded(task: String, TaskState)
  case graphEnded(GraphStatus)
}
