/// `ipmi-obm-service`: the program `ipmitool`, which reaches the BMC over the LAN (IPMI 2.0, RMCP+).
struct IPMIService: ManagementService {
  let ipmitool: String
  /// An IP address or a host name.
  let host: String
  let port: Int?
  /// The BMC is asked for it when there is none.
  let cipherSuite: Int?
  let user: String
  let password: String
  let timeLimit: Duration
  /// The time between two looks at the power status.
  let pause: Duration

  /// How often to look whether the power has gone off.
  private static let looks = 60

  var verbs: Set<ManagementVerb> { Set(ManagementVerb.allCases) }

  func perform(_ verb: ManagementVerb) async throws(ManagementFailure) -> Bool? {
    switch verb {
    case .powerStatus: return try await isOn()
    case .reboot:
      if try await isOn() {
        try await call(["chassis", "power", "off"])
        try await waitUntilOff()
      }
      try await call(["chassis", "power", "on"])
    case .powerOn: try await call(["chassis", "power", "on"])
    case .powerOff: try await call(["chassis", "power", "off"])
    case .reset: try await call(["chassis", "power", "reset"])
    case .softReset, .powerButton: try await call(["chassis", "power", "soft"])
    case .nmi: try await call(["chassis", "power", "diag"])
    case .setBootPxe: try await call(["chassis", "bootdev", "pxe"])
    case .forceBootPxe: try await call(["chassis", "bootdev", "pxe", "options=persistent"])
    case .setBootDisk: try await call(["chassis", "bootdev", "disk"])
    case .identifyOn: try await call(["chassis", "identify", "force"])
    case .identifyOff: try await call(["chassis", "identify", "0"])
    case .identifyBlink: try await call(["chassis", "identify"])
    case .clearSEL: try await call(["sel", "clear"])
    case .mcResetCold: try await call(["mc", "reset", "cold"])
    case .clearWatchDog: try await call(["mc", "watchdog", "off"])
    }
    return nil
  }

  private func isOn() async throws(ManagementFailure) -> Bool {
    let text = try await call(["chassis", "power", "status"])
    if text.contains("Chassis Power is on") { return true }
    if text.contains("Chassis Power is off") { return false }
    throw ManagementFailure("ipmitool told no power status of \(host): \(ReadableText.line(String(text.prefix(200))))")
  }

  private func waitUntilOff() async throws(ManagementFailure) {
    for _ in 0..<Self.looks {
      guard try await isOn() else { return }
      do { try await Task.sleep(for: pause) } catch { throw ManagementFailure("the server stops", isFinal: true) }
    }
    throw ManagementFailure("\(host) is still on after a power off")
  }

  @discardableResult
  private func call(_ words: [String]) async throws(ManagementFailure) -> String {
    let address =
      ["-I", "lanplus", "-H", host] + (port.map { ["-p", String($0)] } ?? [])
      + (cipherSuite.map { ["-C", String($0)] } ?? [])
    // In the environment the password is not in the list of processes.
    return try await ProgramRun(
      program: ipmitool, arguments: address + ["-U", user, "-E"] + words, variables: ["IPMI_PASSWORD": password],
      timeLimit: timeLimit
    ).output()
  }
}
