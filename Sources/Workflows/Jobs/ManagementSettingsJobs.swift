import JSONDocument

/// What both jobs do once they know the settings: save them, and ask for the power status with them.
private struct SavingSettings: Equatable {
  private(set) var isSaved = false

  mutating func handle(_ answer: RequestAnswer, node: String, service: String) -> [JobAction] {
    switch answer {
    // The settings stay also when the status cannot be had.
    case .failed(let reason): return [.finish(.failed(reason))]
    case .done where isSaved: return [.finish(.succeeded)]
    case .done:
      isSaved = true
      return [
        .perform(.manage(node: node, ManagementAction(action: "powerStatus", service: service, retries: 6, delay: 500)))
      ]
    }
  }
}

/// `Job.Obm.CreateSettings`: gives the node an OBM service, and tries it.
struct CreateSettingsJob: Job {
  private let node: String
  private let service: String
  private let config: JSONObject
  private var saving = SavingSettings()

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.node()
    service = try setting.string("service")
    guard let config = setting.options["config"]?.objectValue else {
      throw WorkflowError("\(setting.taskName): config (object) is required", option: "config")
    }
    self.config = config
  }

  var plan: [String] { ["server: saves settings of \(service) for the node, and asks for its power status"] }

  mutating func start(at now: Int) -> [JobAction] {
    [.perform(.saveManagementSettings(node: node, service: service, config: config))]
  }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    guard case .performed(let answer) = event else { return [] }
    return saving.handle(answer, node: node, service: service)
  }
}

/// `Job.Obm.Ipmi.CreateSettings`: the same for `ipmi-obm-service`, with the BMC's address of the node's catalog.
struct CreateIPMISettingsJob: Job {
  private static let service = "ipmi-obm-service"

  private let node: String
  private let user: String
  private let password: String
  private let source: String
  private var hasAddress = false
  private var saving = SavingSettings()

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.node()
    user = try setting.string("user")
    password = try setting.string("password")
    switch setting.options["ipmichannel"]?.interpolated {
    case nil, "": source = "bmc"
    case "3": source = "rmm"
    case .some(let channel): source = "bmc-\(channel)"
    }
  }

  var plan: [String] {
    [
      "server: saves settings of \(Self.service) with the address of the catalog \(source), and asks for the power status"
    ]
  }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.readCatalogs(node: node, sources: [source]))] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    guard case .performed(let answer) = event else { return [] }
    guard !hasAddress else { return saving.handle(answer, node: node, service: Self.service) }
    guard case .done(let catalogs) = answer, let host = catalogs[source]?["data"]?["MAC Address"]?.stringValue else {
      if case .failed(let reason) = answer { return [.finish(.failed(reason))] }
      return [.finish(.failed("the catalog \(source) of the node has no MAC Address"))]
    }
    hasAddress = true
    let config: [(String, String)] = [("host", host), ("user", user), ("password", password)]
    let object = config.reduce(into: JSONObject()) { $0[$1.0] = .string($1.1) }
    return [.perform(.saveManagementSettings(node: node, service: Self.service, config: object))]
  }
}
