import Foundation
import JSONDocument
import MonorailProtocol
import MonorailStore
import Synchronization
import Workflows

/// What a server knows. Nodes, their task sets, runs, reports, catalogs and lines of syslog are in a store; boots are in
/// memory.
///
/// Routes do not change any of it themselves: they give commands, each of which is done as a whole or not at all. It may
/// outlive its server: `MonorailServer.start` with the state of a stopped server is that server after a restart.
public final class ServerState: Sendable {
  public let store: Store
  let boots = Observed<[NodeBoot]>([])
  let syslog = Observed(SyslogStorage())
  private let scratch = Mutex<ScratchDirectory?>(nil)

  /// How many lines of syslog of each node are in memory.
  public let retainedSyslogLines: Int

  /// A state in memory, for tests and for a server without a directory of its own.
  ///
  /// - Parameters:
  ///   - retainedReportBytes: how many bytes of reports are kept; beyond that the oldest lose their body.
  ///   - retainedCatalogBytes: how many bytes of catalogs are kept, as they are stored; beyond that the oldest go.
  ///   - retainedSyslogLines: how many lines of syslog are kept of each node.
  public convenience init(
    retainedReportBytes: Int = 512 << 20, retainedCatalogBytes: Int = 256 << 20, retainedSyslogLines: Int = 2000
  ) {
    var configuration = StoreConfiguration()
    configuration.definitions = Self.stockDefinitions
    configuration.retainedReportBytes = retainedReportBytes
    configuration.retainedCatalogBytes = retainedCatalogBytes
    configuration.retainedSyslogLines = retainedSyslogLines
    do {
      try self.init(configuration, retainedSyslogLines: retainedSyslogLines)
    } catch {
      // Only a program without memory, or with a broken SQLite, gets here.
      preconditionFailure("there can be no database in memory: \(error)")
    }
  }

  /// A state with a store of its own.
  ///
  /// - Throws: `StoreError`, as `Store.init`.
  public init(_ configuration: StoreConfiguration, retainedSyslogLines: Int = 2000) throws {
    store = try Store(configuration)
    self.retainedSyslogLines = retainedSyslogLines
    try loadSyslog()
  }

  /// The definitions that come with the program. Its tests show that they can be read.
  public static let stockDefinitions: DefinitionLibrary = {
    do { return try .stock() } catch { preconditionFailure("a definition of this program is wrong: \(error)") }
  }()

  /// Ends the use of the database, and removes what the server kept in a temporary directory. Nothing may use the state
  /// afterwards.
  ///
  /// - Throws: `StoreError`, as `Store.close`.
  public func close() throws {
    scratch.withLock { directory in
      directory?.remove()
      directory = nil
    }
    try store.close()
  }

  /// A directory that goes away with the state, at the latest.
  func scratchDirectory(_ name: String) throws -> String {
    try scratch.withLock { scratch in
      let directory = try scratch ?? ScratchDirectory()
      scratch = directory
      let path = directory.path + "/" + name
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      return path
    }
  }
}
