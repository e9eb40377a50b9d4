import Synchronization

/// `noop-obm-service`: a node whose power is only remembered.
struct NoopService: ManagementService {
  let nodeID: String
  let power: RememberedPower

  var verbs: Set<ManagementVerb> { [.reboot, .powerOn, .powerOff, .powerStatus, .setBootPxe] }

  func perform(_ verb: ManagementVerb) async throws(ManagementFailure) -> Bool? {
    switch verb {
    case .powerStatus: return power.isOn(nodeID)
    case .powerOff: power.set(nodeID, false)
    case .powerOn, .reboot: power.set(nodeID, true)
    default: break
    }
    return nil
  }
}

/// The power of nodes that have none that could be switched; on at first.
final class RememberedPower: Sendable {
  private let off = Mutex<Set<String>>([])

  func isOn(_ nodeID: String) -> Bool { !off.withLock { $0.contains(nodeID) } }

  func set(_ nodeID: String, _ isOn: Bool) {
    off.withLock { off in
      if isOn { off.remove(nodeID) } else { off.insert(nodeID) }
    }
  }
}
