import JSONDocument

/// One task of a set, as the server wrote it: a command, a download, or both.
public struct NodeTask: Sendable, Equatable {
  /// Every field of the task, also those that have no meaning here.
  public var fields: JSONObject

  public init(fields: JSONObject) { self.fields = fields }

  /// For `/bin/sh -c`. `""` is the server's "are you there?".
  public var command: String? { fields["cmd"]?.stringValue }

  /// Fetched before the command runs; absolute, or relative to the API server. An empty one is none.
  public var downloadURL: String? {
    fields["downloadUrl"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Exit codes besides 0 that count as success. Anything but a list of numbers is ignored.
  public var acceptedResponseCodes: [Int] {
    guard let list = fields["acceptedResponseCodes"]?.arrayValue else { return [] }
    let codes = list.compactMap(\.intValue)
    return codes.count == list.count ? codes : []
  }

  /// The time limit of one run of the command in milliseconds, a year at most; `nil` for none.
  public var timeout: Int? {
    let value = wholeNumber("timeout", most: Self.longestTimeout)
    return value == 0 ? nil : value
  }

  /// How often a failed task is run again before it counts as failed, 1,000 times at most.
  public var retries: Int { wholeNumber("retries", most: Self.mostRetries) ?? 0 }

  private static let longestTimeout = 365 * 86_400_000
  private static let mostRetries = 1000

  /// What the server wrote in another way than the agent takes it, in sentences for the log.
  public var remarks: [String] {
    [("timeout", Self.longestTimeout), ("retries", Self.mostRetries)].compactMap { name, most in
      guard let field = fields[name], field != .null else { return nil }
      let value = wholeNumber(name, most: most)
      if let value, field.intValue == value { return nil }
      return "its \(name) is \(String(field.text.prefix(40))); "
        + (value.map { "taken as \($0)" } ?? "ignored, since it is no number")
    }
  }

  /// The value of a field as a whole number from 0 to `most`: a fraction is rounded up, and a string that holds a number counts
  /// as that number. `nil` when it is missing or holds none.
  private func wholeNumber(_ name: String, most: Int) -> Int? {
    let value: Double? =
      switch fields[name] {
      case .number(let text), .string(let text): Double(text)
      default: nil
      }
    guard let value, !value.isNaN else { return nil }
    return Int(min(max(0, value), Double(most)).rounded(.up))
  }

  /// Why this task cannot be run at all, or `nil` when it can.
  public var problem: String? {
    for key in ["cmd", "downloadUrl"] {
      guard let value = fields[key], value != .null else { continue }
      guard let text = value.stringValue else { return "its \(key) is not a string" }
      if text.utf8.contains(0) { return "its \(key) has a NUL in it" }
    }
    return command == nil && downloadURL == nil ? "it has neither a cmd nor a downloadUrl" : nil
  }

  /// The fields that the agent writes into a task that ran; a server's own values for them are replaced.
  public static let resultFields = ["stdout", "stderr", "error", "agent"]
}
