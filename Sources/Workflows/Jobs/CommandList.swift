import JSONDocument

/// The `commands` option: what a node runs.
struct CommandList: Sendable, Equatable {
  /// The tasks as the node gets them.
  let tasks: [JSON]

  /// - Throws: `WorkflowError` for another shape than a text, an object, or a list of them.
  init(_ setting: JobSetting) throws(WorkflowError) {
    let commands = setting.options["commands"] ?? .null
    var tasks: [JSON] = []
    for (index, command) in (commands.arrayValue ?? [commands]).enumerated() {
      switch command {
      case .string(let text): tasks.append(["cmd": .string(text)])
      case .object(let object): tasks.append(.object(Self.task(object)))
      default:
        throw WorkflowError(
          "\(setting.taskName): a command is a text or an object", option: "commands[\(index)]")
      }
    }
    self.tasks = tasks
  }

  private static func task(_ command: JSONObject) -> JSONObject {
    var task = JSONObject()
    for member in command.members {
      switch member.key {
      case "command": task["cmd"] = member.value
      case "catalog":
        task["source"] = member.value["source"]
        task["format"] = member.value["format"]
        task["catalog"] = true
      default: task[member.key] = member.value
      }
    }
    return task
  }

  func taskSet(for node: String) -> JSON { ["identifier": .string(node), "tasks": .array(tasks)] }

  /// A line for each command.
  var plan: [String] {
    tasks.map { task in
      var words: [String] = []
      if let url = task["downloadUrl"]?.stringValue { words.append("download \(url)") }
      if let command = task["cmd"]?.stringValue { words.append(command) }
      var line = "node: " + words.joined(separator: "; ")
      if task["catalog"] == true { line += "  → catalog \(task["source"]?.stringValue ?? "unknown")" }
      return line
    }
  }
}

/// The tasks of a node's report.
struct ReportedTasks {
  let tasks: [JSONObject]

  /// - Returns: `nil` when the report has no list of tasks.
  init?(_ report: JSON) {
    guard let list = report["tasks"]?.arrayValue else { return nil }
    tasks = list.compactMap(\.objectValue)
  }

  /// Whether a task failed: it has an error, whose code is not among those that this same reported task accepts.
  var hasFailure: Bool {
    tasks.contains { task in
      guard let error = task["error"] else { return false }
      switch error {
      case .string(let text): return !text.isEmpty
      case .array(let elements): return !elements.isEmpty
      case .object(let object):
        guard !object.members.isEmpty else { return false }
        let accepted = task["acceptedResponseCodes"]?.arrayValue ?? []
        guard let code = object["code"] else { return true }
        return !accepted.contains { $0 == code || $0.intValue != nil && $0.intValue == code.intValue }
      case .null, .bool, .number: return false
      }
    }
  }

  static let failure = TaskOutcome.failed("Encountered a failure running remote commands")
}
