import JSONDocument

/// `Job.Alert.Node.Discovered`: tells the world that the node is known. Nothing goes to the node.
struct NodeDiscoveredJob: Job {
  private let node: String

  init(_ setting: JobSetting) throws(WorkflowError) { node = try setting.node() }

  var plan: [String] { ["server: publishes the event node.discovered"] }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.publish(event: "node.discovered", node: node))] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .performed(.done): [.finish(.succeeded)]
    case .performed(.failed(let reason)): [.finish(.failed(reason))]
    default: []
    }
  }
}
