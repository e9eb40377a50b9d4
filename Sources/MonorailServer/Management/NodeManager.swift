import JSONDocument
import MonorailProtocol
import Workflows

/// What OBM services (out-of-band management) use on the server.
public struct ManagementConfiguration: Sendable {
  /// The programs that `command-obm-service` may run: name → path.
  public var programs: [String: String] = [:]
  /// `ipmitool`, by name or path.
  public var ipmitool = "ipmitool"
  /// How long one call of a program may take, unless the settings of a node say otherwise.
  public var timeLimit: Duration = .seconds(60)
  /// The time between two looks at a power status that is to change.
  public var pause: Duration = .seconds(1)

  public init() {}
}

/// Acts on the power and the BMC of nodes, through the OBM service that each has.
final class NodeManager: Sendable {
  private let configuration: ManagementConfiguration
  private let settings: any ServiceSettingsStore
  private let power = RememberedPower()
  /// `ipmitool` for each of 1,000 nodes at once would take gigabytes of memory.
  private let slots = TaskSlots(32)

  /// The time between two tries of an action is at least this.
  private static let shortestDelay = Duration.milliseconds(100)
  /// The time between two tries of an action does not grow beyond this.
  private static let longestDelay = Duration.seconds(3600)

  init(_ configuration: ManagementConfiguration, _ settings: any ServiceSettingsStore) {
    (self.configuration, self.settings) = (configuration, settings)
  }

  /// Does what a task of a run asks for, and tries again when it fails.
  ///
  /// - Parameter isWanted: whether the task still asks for it. Without that nothing more is done.
  /// - Returns: for `powerStatus`, whether the power is on.
  func perform(
    _ action: ManagementAction, on nodeID: String, while isWanted: @Sendable () -> Bool = { true }
  ) async -> RequestAnswer {
    guard let verb = ManagementVerb(rawValue: action.action) else {
      return .failed("there is no OBM action \(action.action)")
    }
    var delay = min(max(Self.shortestDelay, .milliseconds(action.delay)), Self.longestDelay)
    var left = action.retries
    while true {
      do throws(ManagementFailure) {
        let isOn = try await perform(verb, on: nodeID, by: action.service, while: isWanted)
        return .done(isOn.map { .bool($0) } ?? .null)
      } catch {
        guard left > 0, !error.isFinal, !Task.isCancelled, isWanted() else { return .failed("\(error)") }
      }
      left -= 1
      try? await Task.sleep(for: delay)
      delay = min(delay * 2, Self.longestDelay)
    }
  }

  /// - Throws: when there is no such service, or settings do not fit it, or name a program that this server may not run.
  func check(_ service: String, _ config: JSONObject) throws(ManagementFailure) {
    let kind = try ServiceKind.named(service)
    try kind.check(config)
    if kind.name == ServiceKind.command.name { _ = try program(config["program"]?.stringValue ?? "") }
  }

  /// Does it once.
  ///
  /// - Parameters:
  ///   - name: the service to use if the node has it; else the node's only one is used.
  ///   - isWanted: asked after the wait for a slot; nothing is done without it.
  func perform(
    _ verb: ManagementVerb, on nodeID: String, by name: String?, while isWanted: @Sendable () -> Bool = { true }
  ) async throws(ManagementFailure) -> Bool? {
    let chosen = try chosenSettings(of: nodeID, preferring: name)
    let service = try service(chosen)
    guard service.verbs.contains(verb) else {
      throw ManagementFailure("\(chosen.service) cannot do \(verb.rawValue)", isFinal: true)
    }
    do { try await slots.take() } catch { throw ManagementFailure("the server stops", isFinal: true) }
    defer { slots.give() }
    guard isWanted() else { throw ManagementFailure("\(verb.rawValue) is no longer asked for", isFinal: true) }
    return try await service.perform(verb)
  }

  private func chosenSettings(of nodeID: String, preferring name: String?) throws(ManagementFailure) -> ServiceSettings
  {
    let all: [ServiceSettings]
    do { all = try settings.serviceSettings(of: nodeID) } catch {
      throw ManagementFailure("the OBM settings of node \(nodeID) cannot be read: \(error)")
    }
    if let named = all.first(where: { $0.service == name }) { return named }
    guard let only = all.first else { throw ManagementFailure("No OBM service assigned to this node.", isFinal: true) }
    guard all.count == 1 else {
      throw ManagementFailure("More than one OBM service assigned to this node.", isFinal: true)
    }
    return only
  }

  private func service(_ settings: ServiceSettings) throws(ManagementFailure) -> any ManagementService {
    let (kind, config) = (try ServiceKind.named(settings.service), settings.config)
    try kind.check(config)
    func text(_ name: String) -> String { config[name]?.stringValue ?? "" }
    switch kind.name {
    case ServiceKind.ipmi.name:
      return IPMIService(
        ipmitool: configuration.ipmitool, host: try host(text("host")), port: config["port"]?.intValue,
        cipherSuite: config["cipherSuite"]?.intValue, user: text("user"), password: text("password"),
        timeLimit: configuration.timeLimit, pause: configuration.pause)
    case ServiceKind.command.name:
      let limit = config["timeout"]?.intValue.map { Duration.seconds(min($0, 86_400)) } ?? configuration.timeLimit
      return CommandService(
        run: ProgramRun(
          program: try program(text("program")),
          arguments: (config["args"]?.arrayValue ?? []).compactMap(\.stringValue),
          variables: ["MONORAIL_NODE": settings.nodeID], timeLimit: limit))
    default:
      return NoopService(nodeID: settings.nodeID, power: power)
    }
  }

  /// Only programs that whoever started the server has named: settings come over the network.
  private func program(_ name: String) throws(ManagementFailure) -> String {
    if let path = configuration.programs[name] { return path }
    let names = configuration.programs.keys.sorted().joined(separator: ", ")
    throw ManagementFailure(
      "this server may not run a program \(name): "
        + (names.isEmpty ? "start it with --obm-program \(name)=FILE" : "--obm-program names \(names)"),
      isFinal: true)
  }

  /// A MAC address stands for the IP address that lookups have for it.
  private func host(_ host: String) throws(ManagementFailure) -> String {
    guard let mac = MACAddress(host) else { return host }
    let found: String?
    do { found = try settings.ipAddress(ofMACAddress: mac.description) } catch {
      throw ManagementFailure("the address of \(mac) cannot be looked up: \(error)")
    }
    guard let found else { throw ManagementFailure("no lookup has an IP address of the BMC \(mac)") }
    return found
  }
}
