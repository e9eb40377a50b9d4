import Foundation
import GRDB
import JSONDocument
import Synchronization
import SystemFiles
import Workflows

/// What the server knows, in a database: nodes, lookups, definitions, runs and their steps, task sets, reports, catalogs,
/// lines of syslog, settings of OBM services, names of files.
///
/// What changes it is a `StoreCommand`, which is one transaction. When `perform` returns, the change is on the disk. What
/// the server needs at each request (nodes, runs, definitions) is in memory as well; the rest is read from the database.
public final class Store: Sendable {
  /// The directory, or `memory`, for messages.
  public let place: String
  /// Where uploaded files are, if the store has a directory.
  public let filesDirectory: String?
  /// Where uploaded templates are, if the store has a directory.
  public let templatesDirectory: String?
  let configuration: StoreConfiguration
  /// Which start of a server on this database this is, from 1.
  let server: Int
  let database: any DatabaseWriter
  let live = Mutex(LiveState())
  /// How many bytes of reports and of catalogs there are, and how many lines of syslog of each node; used where these are bounded.
  let amounts = Mutex(Amounts())

  private let lock: Mutex<DirectoryLock?>
  private let commands: CommandQueue
  private let observation = ChangeObservation<StoreTopic>()
  private let listeners = Mutex<[Int: @Sendable (StoreNotice) -> Void]>([:])

  struct Amounts {
    var reportBytes = 0
    var catalogBytes = 0
    var syslogLines: [String?: Int] = [:]
  }

  /// The directory's database. Tables that are older than this program are brought up to date.
  public static let databaseName = "monorail.sqlite"

  /// Opens the store. With a directory this is how a server starts: every run is brought back to where it was, by its stored
  /// events.
  ///
  /// - Throws: `StoreError` when another process uses the directory, or when it or the database cannot be used.
  public init(_ configuration: StoreConfiguration = StoreConfiguration()) throws {
    self.configuration = configuration
    place = configuration.directory ?? "memory"
    do {
      if let directory = configuration.directory {
        lock = Mutex(try Self.prepare(directory))
        (filesDirectory, templatesDirectory) = (directory + "/files", directory + "/templates")
        database = try DatabasePool(
          path: directory + "/" + Self.databaseName, configuration: Self.configuration(configuration))
      } else {
        lock = Mutex(nil)
        (filesDirectory, templatesDirectory) = (nil, nil)
        database = try DatabaseQueue(configuration: Self.configuration(configuration))
      }
      let isNewer = try database.read { try Migrations.all.hasBeenSuperseded($0) }
      guard !isNewer else {
        throw StoreError(.unusable, "\(place) was written by a newer version of this program, which alone can use it")
      }
      // GRDB takes NORMAL, with which the last commits before a loss of power may be lost.
      try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      try Migrations.all.migrate(database)
      let now = configuration.clock()
      server = try database.write { db in
        try db.execute(sql: "INSERT INTO servers (startedAt) VALUES (?)", arguments: [now])
        return Int(db.lastInsertedRowID)
      }
    } catch {
      throw StoreError.from(error, place: configuration.directory ?? "memory")
    }
    commands = CommandQueue(database)
    try load()
  }

  /// Makes the directory and what is in it, readable for its owner alone, since the database has passwords of BMCs. A
  /// directory that was there keeps its mode.
  ///
  /// - Throws: `StoreError` when others may write in the directory: they could put a database of their own there.
  private static func prepare(_ directory: String) throws -> DirectoryLock {
    try FileSystem.makeDirectories(directory, mode: 0o700)
    let mode = try permissions(of: directory)
    guard mode & 0o022 == 0 else {
      throw StoreError(
        .unusable,
        "other users may write in \(directory) (its mode is \(String(mode, radix: 8))), but passwords of BMCs are kept "
          + "there: give a directory of your own, or chmod 700 \(directory)")
    }
    let lock = try DirectoryLock(directory)
    for name in ["files", "templates"] {
      let path = directory + "/" + name
      try FileSystem.makeDirectories(path, mode: 0o700)
      guard chmod(path, 0o700) == 0 else { throw SystemError("change the mode of \(path)") }
    }
    // SQLite gives its other files the mode of the database. It takes an empty file for a new database.
    let database = directory + "/" + databaseName
    do { _ = try File(database, O_RDWR | O_CREAT, mode: 0o600) }
    for path in [database, database + "-wal", database + "-shm"] where FileSystem.exists(path) {
      guard chmod(path, 0o600) == 0 else { throw SystemError("change the mode of \(path)") }
    }
    return lock
  }

  private static func permissions(of path: String) throws -> mode_t {
    var status = stat()
    guard stat(path, &status) == 0 else { throw SystemError("look at \(path)") }
    return status.st_mode & 0o7777
  }

  private static func configuration(_ wanted: StoreConfiguration) -> Configuration {
    var configuration = Configuration()
    configuration.label = "monorail-store"
    // A program that looks into the database holds it for a moment.
    configuration.busyMode = .timeout(wanted.busySeconds)
    let maximumBytes = wanted.maximumBytes
    configuration.prepareDatabase { db in
      guard !db.configuration.readonly else { return }
      // Before the first table: pages that are freed can be given back.
      try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
      if let maximumBytes {
        let pageSize = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 4096
        // A pragma takes no arguments.
        try db.execute(sql: "PRAGMA max_page_count = \(maximumBytes / pageSize)")
      }
    }
    return configuration
  }

  /// The time of the machine, in milliseconds since 1970.
  public static func wallClock() -> Int { Int(Date().timeIntervalSince1970 * 1000) }

  func clock() -> Int { configuration.clock() }

  // MARK: Commands

  /// Carries a command out. When this returns, its change is durable.
  ///
  /// - Throws: `StoreError` when it cannot be done; nothing of it is stored then. And what the command itself throws.
  @discardableResult
  public func perform<Value: Sendable>(_ command: StoreCommand<Value>) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      commands.add(command, in: self) { continuation.resume(with: $0) }
    }
  }

  /// The same, for those who cannot wait asynchronously: it blocks the thread, for as long as a commit takes.
  @discardableResult
  public func perform<Value: Sendable>(_ command: StoreCommand<Value>) throws -> Value {
    let answer = Mutex<Result<Value, any Error>?>(nil)
    let isDone = DispatchSemaphore(value: 0)
    commands.add(command, in: self) { result in
      answer.withLock { $0 = result }
      isDone.signal()
    }
    isDone.wait()
    guard let result = answer.withLock({ $0 }) else {
      throw StoreError(.unusable, "a command of the store was not answered")
    }
    return try result.get()
  }

  /// After a commit: shows the changes to everyone, and wakes those who wait for them.
  func committed(_ changes: LiveChanges) {
    let clockBefore = nextTime
    live.withLock { $0.apply(changes) }
    var topics: Set<StoreTopic> = [.any]
    for id in changes.nodes.keys { topics.insert(.node(id)) }
    for id in changes.touchedNodes { topics.insert(.node(id)) }
    for case let (_, run?) in changes.runs { if let node = run.node { topics.insert(.node(node)) } }
    if !changes.actions.isEmpty { topics.insert(.actions) }
    if nextTime != clockBefore { topics.insert(.clock) }
    let listeners = listeners.withLock { Array($0.values) }
    for notice in changes.notices { for listener in listeners { listener(notice) } }
    observation.tell(topics)
  }

  /// Ends the use of the database and of the directory, when all commands that were given before are done. Later commands
  /// fail.
  public func close() throws {
    // What is in the log is durable, too: only room is lost when this fails.
    try? database.writeWithoutTransaction { try emptyLog($0) }
    try database.close()
    lock.withLock { $0 = nil }
  }

  // MARK: Observation

  /// Waits until `condition` has a value. It is asked at once, and after each change of the topic.
  ///
  /// - Returns: `nil` when there was none in time.
  public func wait<Value: Sendable>(
    on topic: StoreTopic, timeout: Duration, until condition: @escaping @Sendable () async throws -> Value?
  ) async throws -> Value? {
    try await observation.wait(on: topic, timeout: timeout, until: condition)
  }

  /// Has those who wait for the topic look again, for conditions that depend on something else too.
  public func wake(_ topic: StoreTopic) { observation.tell([topic]) }

  /// Calls `listener` with all that happens from now on, in order, on the database's thread: it must be quick, and must not
  /// call the store.
  ///
  /// - Returns: the number with which `stopListening` ends it.
  public func listen(_ listener: @escaping @Sendable (StoreNotice) -> Void) -> Int {
    listeners.withLock { listeners in
      let number = (listeners.keys.max() ?? 0) + 1
      listeners[number] = listener
      return number
    }
  }

  public func stopListening(_ number: Int) { listeners.withLock { $0[number] = nil } }

  /// When a run wants `StoreCommand.timePassed` next, in milliseconds since 1970.
  public var nextTime: Int? { live.withLock { $0.times.values.min() } }

  // MARK: Reading

  func read<Value: Sendable>(_ body: @Sendable (Database) throws -> Value) throws -> Value {
    do { return try database.read(body) } catch { throw StoreError.from(error, place: place) }
  }
}
