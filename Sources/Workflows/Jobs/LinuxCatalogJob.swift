import JSONDocument

/// Runs commands on the node and stores what each printed. The text of a command tells how it is parsed.
struct LinuxCatalogJob: Job {
  private let node: String
  private let commands: CommandList
  private let replacesLast: Bool
  private var isStoring = false

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.node()
    commands = try CommandList(setting)
    replacesLast = setting.options["updateExistingCatalog"]?.boolValue ?? false
  }

  var plan: [String] { commands.plan }

  mutating func start(at now: Int) -> [JobAction] { [] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .asked: return isStoring ? [.answerEmpty] : [.handOut(commands.taskSet(for: node))]
    case .reported(let report):
      guard !isStoring else { return [] }
      guard let reported = ReportedTasks(report), !reported.hasFailure else { return [.finish(ReportedTasks.failure)] }
      var catalogs: [ReportedCatalog] = []
      for task in reported.tasks {
        guard let command = task["cmd"]?.stringValue else {
          return [.finish(.failed("a task of the report has no cmd, which tells how its output is parsed"))]
        }
        catalogs.append(ReportedCatalog(kind: .byCommand(command), task: task))
      }
      isStoring = true
      return [.perform(.storeCatalogs(node: node, catalogs, replacesLast: replacesLast))]
    case .performed(.done(let answer)): return [.finish(.stored(answer))]
    case .performed(.failed(let reason)): return [.finish(.failed(reason))]
    default: return []
    }
  }
}
