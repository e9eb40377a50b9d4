import JSONDocument
import MonorailProtocol

/// How a task of a report went, by the protocol's rule: it failed when its `error` is not empty and the code in it is
/// not an accepted one.
public enum TaskOutcome: Sendable, Equatable {
  case succeeded
  /// An exit code besides 0 that the task accepts.
  case accepted(code: Int)
  /// The shell found no such program (exit code 127).
  case absent
  /// An exit code, a signal's name, or a symbolic code.
  case failed(String)
  case notRun

  public init(_ task: Task) {
    guard let error = task.fields["error"] else {
      self = task.fields["stdout"] == nil ? .notRun : .succeeded
      return
    }
    guard case .object(let fields) = error, !fields.members.isEmpty else {
      self = error == .null || error == .object(JSONObject()) ? .succeeded : .failed(error.text)
      return
    }
    if let code = fields["code"]?.intValue {
      if task.acceptedResponseCodes.contains(code) {
        self = .accepted(code: code)
      } else {
        self = code == 127 ? .absent : .failed("code \(code)")
      }
    } else if let code = fields["code"]?.stringValue {
      self = .failed(code)
    } else if fields["killed"]?.boolValue == true {
      self = .failed("timeout")
    } else {
      self = .failed(fields["signal"]?.stringValue ?? "failed")
    }
  }

  public var isFailure: Bool {
    switch self {
    case .absent, .failed: true
    case .succeeded, .accepted, .notRun: false
    }
  }
}

extension TaskOutcome: CustomStringConvertible {
  public var description: String {
    switch self {
    case .succeeded: "ok"
    case .accepted(let code): "ok (code \(code))"
    case .absent: "absent (code 127)"
    case .failed(let how): how
    case .notRun: "not run"
    }
  }
}
