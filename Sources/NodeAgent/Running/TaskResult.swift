import JSONDocument

/// What became of a task, without its output: that stays in the journal's files.
struct TaskResult: Equatable {
  /// `null` when the command ended with 0, or there was none to run. Otherwise the object that the server reads, also for an
  /// exit code that the task accepts.
  var error: JSON
  /// Our own facts, which the server ignores: when it ended, how long it took, runs, bytes of output.
  var facts: JSONObject
  /// Whether the task has failed, so that those behind it are not run.
  var isFailure: Bool

  init(error: JSON, facts: JSONObject, isFailure: Bool) {
    (self.error, self.facts, self.isFailure) = (error, facts, isFailure)
  }

  /// - Returns: `nil` for what `json` cannot have made.
  init?(_ json: JSON) {
    guard let error = json["error"], let facts = json["agent"]?.objectValue,
      let isFailure = json["isFailure"]?.boolValue
    else { return nil }
    self.init(error: error, facts: facts, isFailure: isFailure)
  }

  var json: JSON { ["error": error, "agent": .object(facts), "isFailure": .bool(isFailure)] }

  /// A failure that is not an exit code: a symbolic code and a sentence.
  static func failure(code: String, message: String, command: String?, facts: JSONObject = JSONObject()) -> TaskResult {
    let error: JSON = [
      "code": .string(code), "killed": false, "signal": nil, "cmd": command.map { .string($0) } ?? .null,
      "message": .string(message),
    ]
    return TaskResult(error: error, facts: facts, isFailure: true)
  }
}
