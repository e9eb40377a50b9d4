import JSONDocument

/// `Job.Obm.Node`: the server acts on the node's power or BMC, through a service of out-of-band management.
struct ManageNodeJob: Job {
  private let node: String
  private let action: ManagementAction

  private static let mostRetries = 100
  /// In milliseconds: an hour.
  private static let longestDelay = 3_600_000

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.nodeOrOption()
    action = ManagementAction(
      action: try setting.string("action"), service: setting.options["obmServiceName"]?.stringValue,
      retries: min(max(0, setting.options["retries"]?.intValue ?? 6), Self.mostRetries),
      delay: min(max(0, setting.options["delay"]?.intValue ?? 500), Self.longestDelay))
  }

  var plan: [String] {
    ["server: \(action.action) by the node's OBM service\(action.service.map { " \($0)" } ?? "")"]
  }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.manage(node: node, action))] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .performed(.done): [.finish(.succeeded)]
    case .performed(.failed(let reason)): [.finish(.failed(reason))]
    default: []
    }
  }
}
