import MonorailProtocol

extension ServerState {
  /// Every boot in the order of their coming, or those of one node. The oldest beyond some thousands are forgotten.
  public func boots(of nodeID: String? = nil) -> [NodeBoot] {
    storage.read { storage in storage.boots.filter { nodeID == nil || $0.nodeID == nodeID } }
  }

  /// Notes that a machine asked for its boot profile, and what it got.
  ///
  /// - Parameters:
  ///   - kernelArguments: `nil` when there was nothing to boot.
  ///   - problems: why there was nothing to boot.
  func noteBoot(
    of nodeID: String, addresses: [MACAddress], bootAddress: MACAddress, kernelArguments: String?, problems: [String]
  ) {
    storage.update { storage in
      guard let sequence = storage.nodes[nodeID].map({ $0.boots + 1 }) else { return }
      storage.nodes[nodeID]?.boots = sequence
      storage.boots.append(
        NodeBoot(
          nodeID: nodeID, sequence: sequence, time: .now, addresses: addresses, bootAddress: bootAddress,
          kernelArguments: kernelArguments, problems: problems))
      if storage.boots.count > 5000 { storage.boots.removeFirst(1000) }
    }
  }

  /// Waits for a boot of the machine that has a NIC with that address. The machine need not be known before.
  ///
  /// - Parameter seen: by node, the number of the last boot that is not looked for any more.
  /// - Returns: `nil` when there was none in time.
  public func waitForBoot(
    of address: MACAddress, after seen: [String: Int] = [:], timeout: Duration
  ) async -> NodeBoot? {
    await storage.wait(timeout) { storage in
      storage.boots.first { $0.addresses.contains(address) && $0.sequence > seen[$0.nodeID, default: 0] }
    }
  }
}
