/// `command-obm-service`: a program of the lab, called with one word for what it is to do.
struct CommandService: ManagementService {
  /// Without the word.
  let run: ProgramRun

  var verbs: Set<ManagementVerb> { Set(ManagementVerb.allCases) }

  func perform(_ verb: ManagementVerb) async throws(ManagementFailure) -> Bool? {
    let call = ProgramRun(
      program: run.program, arguments: run.arguments + [Self.word(for: verb)], variables: run.variables,
      timeLimit: run.timeLimit)
    let output = try await call.output()
    guard verb == .powerStatus else { return nil }
    let words = output.split { !$0.isLetter }.map { $0.lowercased() }
    guard let state = words.first(where: { $0 == "on" || $0 == "off" }) else {
      throw ManagementFailure("\(call.program) status printed neither on nor off")
    }
    return state == "on"
  }

  /// `powerOn` → `on`.
  static func word(for verb: ManagementVerb) -> String {
    switch verb {
    case .powerOn: "on"
    case .powerOff: "off"
    case .powerStatus: "status"
    case .powerButton: "button"
    case .reboot: "cycle"
    case .reset: "reset"
    case .softReset: "soft"
    case .setBootPxe: "pxe"
    case .forceBootPxe: "pxe-always"
    case .setBootDisk: "disk"
    case .identifyOn: "identify-on"
    case .identifyOff: "identify-off"
    case .identifyBlink: "identify-blink"
    case .clearSEL: "clear-sel"
    case .mcResetCold: "reset-bmc"
    case .nmi: "nmi"
    case .clearWatchDog: "clear-watchdog"
    }
  }
}
