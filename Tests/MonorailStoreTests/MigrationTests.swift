import GRDB
import JSONDocument
import TestSupport
import Testing

@testable import MonorailStore

struct MigrationTests {
  /// The tables of the first migration as they were, with a node, a task set that waits, and a report. This text is never
  /// changed: databases like this one are out there.
  private static let first = """
    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
    INSERT INTO grdb_migrations VALUES ('1');
    CREATE TABLE nodes (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, document BLOB NOT NULL, ip TEXT,
      hasAppeared INTEGER NOT NULL, options BLOB NOT NULL, handedOut INTEGER NOT NULL, reports INTEGER NOT NULL,
      boots INTEGER NOT NULL, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL);
    CREATE TABLE lookups (number INTEGER PRIMARY KEY AUTOINCREMENT, mac TEXT NOT NULL UNIQUE, ip TEXT, node TEXT,
      createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL);
    CREATE INDEX lookupsOfNode ON lookups (node, number);
    CREATE TABLE definitions (kind TEXT NOT NULL, name TEXT NOT NULL, document BLOB NOT NULL, updatedAt INTEGER NOT NULL,
      PRIMARY KEY (kind, name)) WITHOUT ROWID;
    CREATE TABLE obms (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, node TEXT NOT NULL,
      service TEXT NOT NULL, config BLOB NOT NULL, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL,
      UNIQUE (node, service));
    CREATE TABLE runs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, node TEXT, graph TEXT NOT NULL,
      name TEXT NOT NULL, status TEXT NOT NULL, isLive INTEGER NOT NULL, parent TEXT, parentTask TEXT, plan BLOB,
      view BLOB, startedAt INTEGER NOT NULL, endedAt INTEGER, updatedAt INTEGER NOT NULL);
    CREATE INDEX runsOfNode ON runs (node, number);
    CREATE INDEX liveRuns ON runs (number) WHERE isLive;
    CREATE TABLE events (run TEXT NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL,
      detail BLOB, report INTEGER, PRIMARY KEY (run, number)) WITHOUT ROWID;
    CREATE TABLE steps (run TEXT NOT NULL, task TEXT NOT NULL, label TEXT NOT NULL, name TEXT NOT NULL,
      state TEXT NOT NULL, startedAt INTEGER, endedAt INTEGER, error TEXT, PRIMARY KEY (run, task)) WITHOUT ROWID;
    CREATE TABLE taskSets (number INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, state TEXT NOT NULL, mark TEXT,
      run TEXT, task TEXT, workflow TEXT, body BLOB NOT NULL, options BLOB, server INTEGER, isReceived INTEGER NOT NULL,
      createdAt INTEGER NOT NULL, handedOutAt INTEGER, times INTEGER NOT NULL, report INTEGER);
    CREATE INDEX taskSetsOfNode ON taskSets (node, state, number);
    CREATE UNIQUE INDEX taskSetMarks ON taskSets (mark) WHERE mark IS NOT NULL;
    CREATE TABLE reports (number INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, sequence INTEGER NOT NULL,
      taskSet INTEGER, body BLOB, bytes INTEGER NOT NULL, receivedAt INTEGER NOT NULL, connection INTEGER NOT NULL,
      taskCount INTEGER NOT NULL, failures BLOB NOT NULL);
    CREATE INDEX reportsOfNode ON reports (node, number);
    CREATE INDEX reportsByTime ON reports (receivedAt);
    CREATE TABLE catalogs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, node TEXT NOT NULL,
      source TEXT NOT NULL, data BLOB NOT NULL, reason TEXT, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL);
    CREATE INDEX catalogsOfNode ON catalogs (node, source, number);
    CREATE TABLE syslog (number INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT, receivedAt INTEGER NOT NULL,
      line BLOB NOT NULL);
    CREATE INDEX syslogOfNode ON syslog (node, number);
    CREATE TABLE ruleSets (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
      name TEXT NOT NULL, document BLOB NOT NULL, UNIQUE (kind, name));
    CREATE TABLE files (name TEXT NOT NULL PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, md5 TEXT NOT NULL,
      sha256 TEXT NOT NULL, size INTEGER NOT NULL, version INTEGER NOT NULL, createdAt INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE servers (number INTEGER PRIMARY KEY AUTOINCREMENT, startedAt INTEGER NOT NULL);
    INSERT INTO nodes VALUES (1, 'n1', x'007b2261223a317d', '10.0.0.1', 1, x'007b7d', 3, 1, 0, 5, 6);
    INSERT INTO lookups VALUES (1, '00:1e:67:00:00:01', NULL, 'n1', 5, 5);
    INSERT INTO taskSets VALUES (1, 'n1', 'queued', NULL, NULL, NULL, NULL, x'0068656c6c6f', x'007b7d', NULL, 0, 5,
      NULL, 0, NULL);
    INSERT INTO reports VALUES (1, 'n1', 1, NULL, x'007b7d', 2, 7, 1, 0, x'005b5d');
    """

  @Test
  func `A database of the first migration is opened with all that is in it`() async throws {
    let directory = try ScratchDirectory()
    do {
      let queue = try DatabaseQueue(path: directory(Store.databaseName))
      try await queue.write { try $0.execute(sql: Self.first) }
      try queue.close()
    }
    let store = try Store(.test(directory.path))
    let node = try #require(store.node("n1"))
    #expect(node.document["a"] == 1 && node.handedOut == 3 && node.addresses == ["00:1e:67:00:00:01"])
    #expect(try await store.takenSet()?.body == Array("hello".utf8))
    #expect(try store.reports().map(\.receivedAt) == [7])
    // The newest program makes the same tables from nothing.
    let fresh = try ScratchDirectory()
    let other = try Store(.test(fresh.path))
    #expect(try tables(store) == tables(other))
  }

  @Test
  func `A database of a newer program is refused, and left as it is`() throws {
    let directory = try ScratchDirectory()
    do {
      let store = try Store(.test(directory.path))
      try store.database.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('from the future')") }
      try store.close()
    }
    let error = #expect(throws: StoreError.self) { try Store(.test(directory.path)) }
    #expect(error?.message.contains("newer version") == true)
  }

  private func tables(_ store: Store) throws -> [String] {
    try store.read { db in
      let names = try String.fetchAll(
        db, sql: "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
      return try names.flatMap { name in
        try Row.fetchAll(db, sql: "SELECT name, type FROM pragma_table_info(?)", arguments: [name])
          .map { "\(name) \($0)" }
      }
    }
  }
}
