import MonorailProtocol
import MonorailStore

extension ServerState {
  /// Every boot in the order of their coming, or those of one node. The oldest beyond some thousands are forgotten, and all
  /// of them when the server ends.
  public func boots(of nodeID: String? = nil) -> [NodeBoot] {
    boots.read { boots in boots.filter { nodeID == nil || $0.nodeID == nodeID } }
  }

  /// Notes that a machine asked for its boot profile, and what it got.
  ///
  /// - Parameters:
  ///   - kernelArguments: `nil` when there was nothing to boot.
  ///   - problems: why there was nothing to boot.
  func noteBoot(
    of nodeID: String, addresses: [MACAddress], bootAddress: MACAddress, kernelArguments: String?, problems: [String]
  ) async throws {
    let sequence = try await store.perform(.nodeStarted(nodeID, isBoot: true))
    boots.update { boots in
      boots.append(
        NodeBoot(
          nodeID: nodeID, sequence: sequence, time: .now, addresses: addresses, bootAddress: bootAddress,
          kernelArguments: kernelArguments, problems: problems))
      if boots.count > 5000 { boots.removeFirst(1000) }
    }
  }

  /// Notes that a node's agent has begun, as far as that matters: when the node has a task set.
  func noteAgentStart(of nodeID: String) async throws {
    guard store.node(nodeID)?.hasTaskSet == true else { return }
    _ = try await store.perform(.nodeStarted(nodeID, isBoot: false))
  }

  /// Waits for a boot of the machine that has a NIC with that address. The machine need not be known before.
  ///
  /// - Parameter seen: by node, the number of the last boot that is not looked for any more.
  /// - Returns: `nil` when there was none in time.
  public func waitForBoot(
    of address: MACAddress, after seen: [String: Int] = [:], timeout: Duration
  ) async -> NodeBoot? {
    await boots.wait(timeout) { boots in
      boots.first { $0.addresses.contains(address) && $0.sequence > seen[$0.nodeID, default: 0] }
    }
  }
}
