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
