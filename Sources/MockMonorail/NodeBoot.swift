import MonorailProtocol

/// A machine that asked for its boot profile.
public struct NodeBoot: Sendable, Equatable {
  public let nodeID: String
  /// The node's first boot is 1.
  public let sequence: Int
  public let time: ContinuousClock.Instant
  /// The addresses of all NICs that the machine named.
  public let addresses: [MACAddress]
  /// The NIC that `BOOTIF` names.
  public let bootAddress: MACAddress
  /// The kernel's parameters as they went out; `nil` when there was nothing to boot.
  public let kernelArguments: String?
  /// Why there was nothing to boot, as the node's console shows it.
  public let problems: [String]
}

extension MonorailState {
  /// Every boot in the order of their coming, or those of one node. The oldest beyond some thousands are forgotten.
  public func boots(of nodeID: String? = nil) -> [NodeBoot] {
    read { storage in storage.boots.filter { nodeID == nil || $0.nodeID == nodeID } }
  }

  /// Waits for the next boot of the machine that has a NIC with that address, and returns each boot once. The machine need
  /// not be known before.
  ///
  /// - Throws: `WaitTimeout` after `timeout`, saying what came instead.
  public func nextBoot(of address: MACAddress, timeout: Duration = .seconds(30)) async throws -> NodeBoot {
    let boot = await wait(timeout) { storage -> NodeBoot? in
      let next = storage.boots.first {
        $0.addresses.contains(address) && $0.sequence > storage.takenBoots[$0.nodeID, default: 0]
      }
      if let next { storage.takenBoots[next.nodeID] = next.sequence }
      return next
    }
    guard let boot else { throw WaitTimeout(awaited: "a boot of \(address)", after: timeout, self) }
    return boot
  }

  func record(
    _ query: ProfileQuery, of nodeID: String, from bootAddress: MACAddress, kernelArguments: String?, problems: [String]
  ) {
    update { storage in
      guard let sequence = storage.nodes[nodeID].map({ $0.boots + 1 }) else { return }
      storage.nodes[nodeID]?.boots = sequence
      storage.boots.append(
        NodeBoot(
          nodeID: nodeID, sequence: sequence, time: .now, addresses: query.interfaces.map(\.address),
          bootAddress: bootAddress, kernelArguments: kernelArguments, problems: problems))
      if storage.boots.count > 5000 { storage.boots.removeFirst(1000) }
    }
  }
}
