import JSONDocument
import MonorailProtocol

/// How a task of a report went, by the protocol's rule: it failed when its `error` is not empty and the code in it is
/// not an accepted one.
public enum TaskOutcome: Sendable, Equatable {
  case succeeded
  /// An exit code besides 0 that the task accepts.
  case accepted(code: Int)
  /// There is no such program on the node: the shell ends with 127, or sudo says so. The task may accept that code.
  case absent(isAccepted: Bool)
  /// An exit code, a signal's name, or a symbolic code.
  case failed(String)
  case notRun

  public init(_ task: NodeTask) {
    guard let error = task.fields["error"] else {
      self = task.fields["stdout"] == nil ? .notRun : .succeeded
      return
    }
    guard case .object(let fields) = error, !fields.members.isEmpty else {
      self = error == .null || error == .object(JSONObject()) ? .succeeded : .failed(error.text)
      return
    }
    if let code = fields["code"]?.intValue {
      let isAccepted = task.acceptedResponseCodes.contains(code)
      if code == 127 || Self.saysNotFound(task) {
        self = .absent(isAccepted: isAccepted)
      } else {
        self = isAccepted ? .accepted(code: code) : .failed("code \(code)")
      }
    } else if let code = fields["code"]?.stringValue {
      self = .failed(code)
    } else if fields["killed"]?.boolValue == true {
      self = .failed("timeout")
    } else {
      self = .failed(fields["signal"]?.stringValue ?? "failed")
    }
  }

  private static func saysNotFound(_ task: NodeTask) -> Bool {
    let words = task.fields["stderr"]?.stringValue ?? ""
    return words.hasPrefix("sudo: ") && words.hasSuffix(": command not found\n")
  }

  public var isAbsent: Bool {
    if case .absent = self { true } else { false }
  }

  public var isFailure: Bool {
    switch self {
    case .absent(let isAccepted): !isAccepted
    case .failed: true
    case .succeeded, .accepted, .notRun: false
    }
  }
}

extension TaskOutcome: CustomStringConvertible {
  public var description: String {
    switch self {
    case .succeeded: "ok"
    case .accepted(let code): "ok (code \(code))"
    case .absent: "absent"
    case .failed(let how): how
    case .notRun: "not run"
    }
  }
}
