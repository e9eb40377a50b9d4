import Workflows

/// Where a store keeps what it knows, and how much of it.
public struct StoreConfiguration: Sendable {
  /// The directory of the database and of uploaded files; it is made when it is not there. `nil`: memory alone.
  public var directory: String?
  /// The jobs that runs can have.
  public var jobs = JobKinds.stock
  /// Definitions that replace those of the same name in the database: those of the program and of its files.
  public var definitions = DefinitionLibrary()
  /// How many bytes of reports are kept; beyond that the oldest lose their body. `nil`: all.
  public var retainedReportBytes: Int?
  /// How many bytes of catalogs are kept, as they are stored; beyond that the oldest go. `nil`: all.
  public var retainedCatalogBytes: Int?
  /// How many lines of syslog are kept of each node, and up to a quarter more. `nil`: all.
  public var retainedSyslogLines: Int?
  /// How large the database may get, in bytes; beyond it commands fail as on a full disk. `nil`: as large as the disk.
  public var maximumBytes: Int?
  /// How long a command waits for another program that uses the database, in seconds.
  public var busySeconds = 10.0
  /// The time, in milliseconds since 1970.
  public var clock: @Sendable () -> Int = { Store.wallClock() }

  public init() {}
}
