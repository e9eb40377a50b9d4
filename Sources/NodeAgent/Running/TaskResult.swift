import JSONDocument

/// What became of a task, besides its output.
struct TaskResult: Equatable {
  /// `null` when the command ended with 0; otherwise the object that the server reads.
  var error: JSON
  /// Our own facts: durations, attempts, what was cut.
  var facts: JSONObject
  /// Whether the set ends here.
  var isFailure: Bool

  init(error: JSON, facts: JSONObject, isFailure: Bool) {
    (self.error, self.facts, self.isFailure) = (error, facts, isFailure)
  }

  init(_ json: JSON) {
    self.init(
      error: json["error"] ?? .null, facts: json["agent"]?.objectValue ?? JSONObject(),
      isFailure: json["isFailure"]?.boolValue ?? true)
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
