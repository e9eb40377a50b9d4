import GRDB

/// A file that was uploaded. Its contents are in the directory of files, under its name.
public struct FileRecord: Sendable, Hashable {
  public let name: String
  public let uuid: String
  public let md5: String
  public let sha256: String
  /// In bytes.
  public let size: Int
  /// 0 for the first file of that name; each one that replaces it has one more.
  public let version: Int
  /// In milliseconds since 1970.
  public let createdAt: Int

  fileprivate init(_ row: Row) {
    (name, uuid, md5, sha256) = (row["name"], row["uuid"], row["md5"], row["sha256"])
    (size, version, createdAt) = (row["size"], row["version"], row["createdAt"])
  }
}

extension Store {
  /// Every uploaded file, by name.
  public var files: [FileRecord] {
    get throws { try read { try Row.fetchAll($0, sql: "SELECT * FROM files ORDER BY name").map { FileRecord($0) } } }
  }

  /// - Parameter nameOrUUID: its name, or its `uuid`.
  public func file(_ nameOrUUID: String) throws -> FileRecord? {
    try read { db in
      let sql = "SELECT * FROM files WHERE ?1 IN (name, uuid) ORDER BY name = ?1 DESC LIMIT 1"
      return try Row.fetchOne(db, sql: sql, arguments: [nameOrUUID]).map { FileRecord($0) }
    }
  }
}

extension StoreCommand where Result == FileRecord {
  /// Notes a file whose contents are complete on the disk. One of the same name is replaced, and keeps its `uuid`.
  ///
  /// - Parameter place: gives the contents their name. It is called when all else is done, so that of two files of one name
  ///   the later one's contents and digests are kept together; it may be called more than once.
  public static func addFile(
    name: String, md5: String, sha256: String, size: Int, place: @escaping @Sendable () throws -> Void = {}
  ) -> StoreCommand<FileRecord> {
    StoreCommand { transaction in
      try transaction.execute(
        """
        INSERT INTO files (name, uuid, md5, sha256, size, version, createdAt) VALUES (?, ?, ?, ?, ?, 0, ?)
        ON CONFLICT (name) DO UPDATE SET md5 = excluded.md5, sha256 = excluded.sha256, size = excluded.size,
          version = version + 1
        """,
        [name, Identifier.instance(), md5, sha256, size, transaction.now])
      guard let row = try transaction.row("SELECT * FROM files WHERE name = ?", [name]) else {
        throw StoreError(.unusable, "the file \(name) is missing in the database")
      }
      try place()
      return FileRecord(row)
    }
  }
}

extension StoreCommand where Result == Bool {
  /// Forgets a file; its contents stay on the disk.
  ///
  /// - Returns: whether it was known.
  public static func deleteFile(name: String) -> StoreCommand<Bool> {
    StoreCommand { transaction in
      try transaction.execute("DELETE FROM files WHERE name = ?", [name])
      return transaction.db.changesCount > 0
    }
  }
}
