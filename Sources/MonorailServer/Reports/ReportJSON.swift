import JSONDocument
import MonorailProtocol

/// A report in short, for programs: how each task went, without its output.
public enum ReportJSON {
  /// - Parameter file: where the report is.
  public static func summary(of report: TaskSet, file: String) -> JSON {
    let outcomes = report.tasks.map { TaskOutcome($0) }
    return [
      "file": .string(file), "node": .init(report.identifier),
      "failed": .integer(outcomes.count(where: \.isFailure)),
      "tasks": .array(zip(report.tasks, outcomes).map { json($0, $1) }),
    ]
  }

  private static func json(_ task: NodeTask, _ outcome: TaskOutcome) -> JSON {
    let facts = task.fields["agent"]
    let (status, reason): (String, String?) =
      switch outcome {
      case .succeeded: ("ok", nil)
      case .accepted(let code): ("accepted", "code \(code)")
      case .absent: ("absent", nil)
      case .failed(let how): ("failed", how)
      case .notRun: ("not run", nil)
      }
    return [
      "cmd": .init(task.command), "downloadUrl": .init(task.downloadURL), "source": task.fields["source"] ?? .null,
      "status": .string(status), "reason": .init(reason), "failed": .bool(outcome.isFailure),
      "milliseconds": facts?["durationMilliseconds"] ?? .null, "attempts": facts?["attempts"] ?? .null,
      "outputBytes": (task.fields["stdout"]?.stringValue).map { .integer($0.utf8.count) } ?? .null,
      "message": task.fields["error"]?["message"] ?? .null,
    ]
  }
}
