import JSONDocument

/// The run of another graph, as a job follows it: the job ends as the graph does.
private struct ChildGraph: Equatable {
  let name: String
  private var id: String?
  /// Graphs that ended before the server said which one is ours.
  private var ended: [String: GraphStatus] = [:]

  init(name: String) { self.name = name }

  mutating func handle(_ event: JobEvent) -> [JobAction] {
    switch event {
    case .performed(.failed(let reason)): return [.finish(.failed(reason))]
    case .performed(.done(let answer)):
      guard id == nil else { return [] }
      guard let id = answer.stringValue else { return [.finish(.failed("the graph \(name) has no identifier"))] }
      self.id = id
      defer { ended = [:] }
      return ended[id].map { [outcome($0, id)] } ?? []
    case .graphEnded(let other, let status):
      guard let id else {
        ended[other] = status
        return []
      }
      return other == id ? [outcome(status, id)] : []
    // The stock server leaves the child alone when the task's time is up.
    case .stopped(.cancelled): return id.map { [.perform(.cancelGraph(instanceId: $0))] } ?? []
    default: return []
    }
  }

  private func outcome(_ status: GraphStatus, _ id: String) -> JobAction {
    .finish(status == .succeeded ? .succeeded : .failed("Graph \(id) failed with status \(status.rawValue)"))
  }
}

/// `Job.Graph.Run`: runs another graph, and ends as it does.
struct GraphRunJob: Job {
  private let options: JSONObject
  private var child: ChildGraph

  init(_ setting: JobSetting) throws(WorkflowError) {
    child = ChildGraph(name: try setting.string("graphName"))
    guard let options = setting.options["graphOptions"]?.objectValue else {
      throw WorkflowError("\(setting.taskName): graphOptions (object) is required", option: "graphOptions")
    }
    self.options = options
  }

  var plan: [String] { ["runs the graph \(child.name) with the options \(JSON.object(options).text)"] }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.runGraph(name: child.name, options: options))] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] { child.handle(event) }
}

/// `Job.Graph.RunSku`: runs the graph that the node's SKU names, and ends as it does. Without one it succeeds.
struct SKUGraphJob: Job {
  private let node: String
  private var child = ChildGraph(name: "of the node's SKU")

  init(_ setting: JobSetting) throws(WorkflowError) { node = try setting.string("nodeId") }

  var plan: [String] { ["runs the graph that the SKU of the node \(node) names, if it names one"] }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.runSKUGraph(node: node))] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    event == .performed(.done(.null)) ? [.finish(.succeeded)] : child.handle(event)
  }
}
