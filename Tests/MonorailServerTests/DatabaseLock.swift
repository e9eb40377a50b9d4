import TestSupport

/// Another program that holds the lock on a lab's database, so that nothing can be stored.
struct DatabaseLock {
  private let gate: Gate
  private let holder: ChildProcess

  /// When this returns, the database is locked.
  init(_ lab: Lab) async throws {
    gate = try Gate(lab.directory("unlock"))
    holder = try ChildProcess([
      "python3", "-c",
      """
      import sqlite3, sys
      database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
      database.execute("BEGIN IMMEDIATE")
      print("locked", flush=True)
      open(sys.argv[2]).readline()
      """, lab.directory("data/monorail.sqlite"), gate.path,
    ])
    try await eventually("the lock", explanation: { [holder] in holder.errors }) { [holder] in
      holder.output == "locked\n" ? () : nil
    }
  }

  /// When this returns, the database is free.
  func open() async throws {
    gate.open()
    try await eventually("the end of the lock") { holder.hasEnded ? () : nil }
  }
}
