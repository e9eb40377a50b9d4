import JSONDocument

/// One task of a set, as the server wrote it: a command, a download, or both.
public struct Task: Sendable, Equatable {
  /// Every field of the task, also those that have no meaning here.
  public var fields: JSONObject

  public init(fields: JSONObject) { self.fields = fields }

  /// For `/bin/sh -c`. `""` is the server's "are you there?".
  public var command: String? { fields["cmd"]?.stringValue }

  /// Fetched before the command runs; absolute, or relative to the API server.
  public var downloadURL: String? { fields["downloadUrl"]?.stringValue }

  /// Exit codes besides 0 that count as success. Anything but a list of numbers is ignored.
  public var acceptedResponseCodes: [Int] {
    guard let list = fields["acceptedResponseCodes"]?.arrayValue else { return [] }
    let codes = list.compactMap(\.intValue)
    return codes.count == list.count ? codes : []
  }

  /// The time limit of one run of the command in milliseconds, or `nil` for none.
  public var timeout: Int? {
    fields["timeout"]?.intValue.flatMap { $0 > 0 ? $0 : nil }
  }

  /// How often a failed task is run again before it counts as failed.
  public var retries: Int { max(0, fields["retries"]?.intValue ?? 0) }

  /// Why this task cannot be run at all, or `nil` when it can.
  public var problem: String? {
    for key in ["cmd", "downloadUrl"] {
      if let value = fields[key], value != .null, value.stringValue == nil { return "its \(key) is not a string" }
    }
    return command == nil && downloadURL == nil ? "it has neither a cmd nor a downloadUrl" : nil
  }

  /// The fields that the agent writes into a task that ran; a server's own values for them are replaced.
  public static let resultFields = ["stdout", "stderr", "error", "agent"]
}
