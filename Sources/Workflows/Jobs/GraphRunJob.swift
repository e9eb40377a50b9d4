import JSONDocument

/// Runs another graph, and ends as it does.
struct GraphRunJob: Job {
  private let name: String
  private let options: JSONObject
  private var child: String?
  /// Graphs that ended before the server said which one is ours.
  private var ended: [String: GraphStatus] = [:]

  init(_ setting: JobSetting) throws(WorkflowError) {
    name = try setting.string("graphName")
    guard let options = setting.options["graphOptions"]?.objectValue else {
      throw WorkflowError("\(setting.taskName): graphOptions (object) is required", option: "graphOptions")
    }
    self.options = options
  }

  var plan: [String] { ["runs the graph \(name) with the options \(JSON.object(options).text)"] }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.runGraph(name: name, options: options))] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .performed(.failed(let reason)): return [.finish(.failed(reason))]
    case .performed(.done(let answer)):
      guard child == nil else { return [] }
      guard let id = answer.stringValue else { return [.finish(.failed("the graph \(name) has no identifier"))] }
      child = id
      return ended[id].map { [outcome($0, id)] } ?? []
    case .graphEnded(let id, let status):
      guard let child else {
        ended[id] = status
        return []
      }
      return id == child ? [outcome(status, id)] : []
    // The stock server leaves the child alone when the task's time is up.
    case .stopped(.cancelled): return child.map { [.perform(.cancelGraph(instanceId: $0))] } ?? []
    default: return []
    }
  }

  private func outcome(_ status: GraphStatus, _ id: String) -> JobAction {
    .finish(status == .succeeded ? .succeeded : .failed("Graph \(id) failed with status \(status.rawValue)"))
  }
}
