/// What an OBM service is asked to do: the actions of the stock server's `Job.Obm.Node`.
enum ManagementVerb: String, CaseIterable, Sendable {
  case clearSEL, identifyOn, identifyOff, identifyBlink, mcResetCold
  // The stock server writes it so.
  case nmi = "NMI"
  case powerButton, powerOn, powerOff, powerStatus, reboot, reset, softReset, setBootPxe, forceBootPxe, setBootDisk
  case clearWatchDog
}

/// Why an OBM service could not do what it was asked for.
struct ManagementFailure: Error, Hashable, CustomStringConvertible {
  let description: String
  /// Whether another try cannot end otherwise.
  let isFinal: Bool

  init(_ description: String, isFinal: Bool = false) { (self.description, self.isFinal) = (description, isFinal) }
}

/// One way to reach the power or the BMC of a node.
protocol ManagementService: Sendable {
  /// What it can do besides `perform`'s common part.
  var verbs: Set<ManagementVerb> { get }

  /// - Returns: for `powerStatus`, whether the power is on; `nil` for all others.
  func perform(_ verb: ManagementVerb) async throws(ManagementFailure) -> Bool?
}
