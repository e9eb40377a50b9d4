import Foundation
import JSONDocument
import MonorailProtocol

/// What a server knows: nodes, their task sets, reports, boots and lines of syslog.
///
/// Routes do not change any of it themselves: they give commands, each of which is done as a whole or not at all. It may
/// outlive its server: `MonorailServer.start` with the state of a stopped server is that server after a restart.
public final class ServerState: Sendable {
  struct Storage: Sendable {
    var nodes: [String: KnownNode] = [:]
    /// Identifiers in the order of their coming.
    var order: [String] = []
    var reports: [NodeReport] = []
    var boots: [NodeBoot] = []
    var catalogs = CatalogStorage()
    var serviceSettings: [ServiceSettings] = []
    /// How many settings there have been.
    var serviceSettingsCount = 0
    var syslog = SyslogStorage()
    /// How many task sets have been queued.
    var taskSets = 0
    var scratch: ScratchDirectory?
  }

  let storage = Observed(Storage())

  /// How many bytes of reports are kept; beyond that the oldest lose their body.
  public let retainedReportBytes: Int
  /// How many bytes of catalogs are kept; beyond that the oldest go.
  public let retainedCatalogBytes: Int
  /// How many lines of syslog are kept of each node.
  public let retainedSyslogLines: Int

  public init(
    retainedReportBytes: Int = 512 << 20, retainedCatalogBytes: Int = 256 << 20, retainedSyslogLines: Int = 2000
  ) {
    (self.retainedReportBytes, self.retainedCatalogBytes) = (retainedReportBytes, retainedCatalogBytes)
    self.retainedSyslogLines = retainedSyslogLines
  }

  /// A directory that goes away with the state.
  func scratchDirectory(_ name: String) throws -> String {
    try storage.update { storage in
      let scratch = try storage.scratch ?? ScratchDirectory()
      storage.scratch = scratch
      let path = scratch.path + "/" + name
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      return path
    }
  }

  /// Has those who wait look again whether they still want what they wait for: their client may have left.
  func clientLeft() { storage.wake() }
}
