/// The state of a graph's task, by its name in the API. A running task is `pending`, too.
public enum TaskState: String, Sendable, Hashable, CaseIterable {
  case pending, succeeded, failed, timeout, cancelled

  /// The states in which a task has ended.
  public static let finished: Set<TaskState> = [.succeeded, .failed, .timeout, .cancelled]

  /// In the order in which the stock server lists them.
  static let finishedInOrder: [TaskState] = [.succeeded, .timeout, .cancelled, .failed]

  var isFailure: Bool { self == .failed || self == .timeout || self == .cancelled }
}

/// The status of a graph's run, by its name in the API.
public enum GraphStatus: String, Sendable, Hashable {
  case running, succeeded, failed, cancelled
}
