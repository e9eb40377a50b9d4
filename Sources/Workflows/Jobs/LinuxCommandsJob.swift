import JSONDocument

/// Runs commands on the node, once, and stores the marked ones as catalogs.
struct LinuxCommandsJob: Job {
  private let node: String
  private let options: JSONObject
  private let commands: CommandList
  private let runsOnce: Bool
  private var isHandedOut = false
  private var isStoring = false

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.node()
    options = setting.options
    commands = try CommandList(setting)
    runsOnce = setting.options["runOnlyOnce"]?.boolValue ?? true
  }

  var templateValues: JSONObject? { options }
  var plan: [String] { commands.plan }

  mutating func start(at now: Int) -> [JobAction] { [] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .asked:
      if isHandedOut, runsOnce { return [.answerEmpty] }
      isHandedOut = true
      return [.handOut(commands.taskSet(for: node))]
    case .reported(let report):
      guard !isStoring else { return [] }
      guard let reported = ReportedTasks(report), !reported.hasFailure else { return [.finish(ReportedTasks.failure)] }
      let catalogs = reported.tasks.filter { $0["catalog"]?.isTruthy == true }.map { task in
        let source = task["source"]?.stringValue ?? "unknown"
        let format = task["format"]?.stringValue ?? "raw"
        return ReportedCatalog(kind: .marked(source: source, format: format), task: task)
      }
      guard !catalogs.isEmpty else { return [.finish(.succeeded)] }
      isStoring = true
      return [.perform(.storeCatalogs(node: node, catalogs, replacesLast: false))]
    case .performed(.done(let answer)): return [.finish(.stored(answer))]
    case .performed(.failed(let reason)): return [.finish(.failed(reason))]
    default: return []
    }
  }
}
