import JSONDocument

/// Succeeds when `when` is the text `true`, in any case of its letters; else it fails.
struct EvaluateConditionJob: Job {
  private let condition: String

  init(_ setting: JobSetting) throws(WorkflowError) { condition = try setting.string("when") }

  var plan: [String] { ["succeeds if \"\(condition)\" is true"] }

  mutating func start(at now: Int) -> [JobAction] {
    [.finish(condition.lowercased() == "true" ? .succeeded : .failed("condition evaluated to false"))]
  }
}
