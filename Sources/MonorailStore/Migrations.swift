import GRDB

/// The schema, from the first one on. A migration that a release had is never changed: a change is a new one.
///
/// Times are milliseconds since 1970. `BLOB` columns hold `StoredBytes`.
enum Migrations {
  static let all: DatabaseMigrator = {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { try $0.execute(sql: first) }
    migrator.registerMigration("2") {
      try $0.execute(sql: "CREATE INDEX runsOfParent ON runs (parent) WHERE parent IS NOT NULL")
    }
    return migrator
  }()

  private static let first = """
    CREATE TABLE nodes (
      number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, document BLOB NOT NULL, ip TEXT,
      hasAppeared INTEGER NOT NULL, options BLOB NOT NULL, handedOut INTEGER NOT NULL, reports INTEGER NOT NULL,
      boots INTEGER NOT NULL, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL);

    CREATE TABLE lookups (
      number INTEGER PRIMARY KEY AUTOINCREMENT, mac TEXT NOT NULL UNIQUE, ip TEXT, node TEXT,
      createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL);
    CREATE INDEX lookupsOfNode ON lookups (node, number);

    CREATE TABLE definitions (
      kind TEXT NOT NULL, name TEXT NOT NULL, document BLOB NOT NULL, updatedAt INTEGER NOT NULL,
      PRIMARY KEY (kind, name)) WITHOUT ROWID;

    CREATE TABLE obms (
      number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, node TEXT NOT NULL, service TEXT NOT NULL,
      config BLOB NOT NULL, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL, UNIQUE (node, service));

    CREATE TABLE runs (
      number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, node TEXT, graph TEXT NOT NULL,
      name TEXT NOT NULL, status TEXT NOT NULL, isLive INTEGER NOT NULL, parent TEXT, parentTask TEXT,
      plan BLOB, view BLOB, startedAt INTEGER NOT NULL, endedAt INTEGER, updatedAt INTEGER NOT NULL);
    CREATE INDEX runsOfNode ON runs (node, number);
    CREATE INDEX liveRuns ON runs (number) WHERE isLive;

    CREATE TABLE events (
      run TEXT NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL, detail BLOB,
      report INTEGER, PRIMARY KEY (run, number)) WITHOUT ROWID;

    CREATE TABLE steps (
      run TEXT NOT NULL, task TEXT NOT NULL, label TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
      startedAt INTEGER, endedAt INTEGER, error TEXT, PRIMARY KEY (run, task)) WITHOUT ROWID;

    CREATE TABLE taskSets (
      number INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, state TEXT NOT NULL, mark TEXT, run TEXT,
      task TEXT, workflow TEXT, body BLOB NOT NULL, options BLOB, server INTEGER, isReceived INTEGER NOT NULL,
      createdAt INTEGER NOT NULL, handedOutAt INTEGER, times INTEGER NOT NULL, report INTEGER);
    CREATE INDEX taskSetsOfNode ON taskSets (node, state, number);
    CREATE UNIQUE INDEX taskSetMarks ON taskSets (mark) WHERE mark IS NOT NULL;

    CREATE TABLE reports (
      number INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, sequence INTEGER NOT NULL, taskSet INTEGER,
      body BLOB, bytes INTEGER NOT NULL, receivedAt INTEGER NOT NULL, connection INTEGER NOT NULL,
      taskCount INTEGER NOT NULL, failures BLOB NOT NULL);
    CREATE INDEX reportsOfNode ON reports (node, number);
    CREATE INDEX reportsByTime ON reports (receivedAt);

    CREATE TABLE catalogs (
      number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, node TEXT NOT NULL, source TEXT NOT NULL,
      data BLOB NOT NULL, reason TEXT, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL);
    CREATE INDEX catalogsOfNode ON catalogs (node, source, number);

    CREATE TABLE syslog (
      number INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT, receivedAt INTEGER NOT NULL, line BLOB NOT NULL);
    CREATE INDEX syslogOfNode ON syslog (node, number);

    CREATE TABLE ruleSets (
      number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT NOT NULL,
      document BLOB NOT NULL, UNIQUE (kind, name));

    CREATE TABLE files (
      name TEXT NOT NULL PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, md5 TEXT NOT NULL, sha256 TEXT NOT NULL,
      size INTEGER NOT NULL, version INTEGER NOT NULL, createdAt INTEGER NOT NULL) WITHOUT ROWID;

    CREATE TABLE servers (number INTEGER PRIMARY KEY AUTOINCREMENT, startedAt INTEGER NOT NULL);
    """
}
