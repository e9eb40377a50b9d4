import Hummingbird
import JSONDocument
import MonorailStore
import NIOPosix

/// The file service: firmware that nodes fetch, backups that they send.
struct FileRoutes: Sendable {
  let files: FileStore
  let store: Store

  func add(to group: RouterGroup<ServerContext>) {
    group.get("files") { _, _ in
      let known = Dictionary(try store.files.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      return Response.json(
        .array(
          try files.names().map { name in
            // A file that somebody put into the directory has a name only.
            known[name]?.raw ?? ["basename": .string(name), "filename": .string(name)]
          }))
    }
    group.put("files/:name") { request, context in
      let name = try context.parameter("name")
      let file = try await files.save(name, request) { upload in
        try await store.perform(
          .addFile(
            name: name, md5: upload.md5, sha256: upload.sha256, size: upload.size, place: { try upload.place() }))
      }
      return Response.json(file.view, status: .created)
    }
    group.get("files/:name") { request, context in
      try await FileAnswer.response(path: files.existingPath(name(context)), request, context)
    }
    group.head("files/:name") { request, context in
      try await FileAnswer.response(path: files.existingPath(name(context)), request, context)
    }
    group.get("files/:name/md5") { _, context in
      let name = try name(context)
      let digest = try await NIOThreadPool.singleton.runIfActive { try files.md5(name) }
      return Response.text(JSON.string(digest).text, type: "application/json; charset=utf-8")
    }
    group.get("files/:name/metadata") { _, context in
      let name = try context.parameter("name")
      guard let file = try store.file(name) else { throw APIError(.notFound, "no file \(name) was uploaded") }
      return Response.json(file.view)
    }
    group.delete("files/:name") { _, context in
      let given = try context.parameter("name")
      let name = try store.file(given)?.name ?? given
      try files.remove(name)
      _ = try await store.perform(.deleteFile(name: name))
      return Response(status: .noContent)
    }
  }

  /// The name of the file that the path names by its name, or by the `uuid` of its upload.
  private func name(_ context: ServerContext) throws -> String {
    let given = try context.parameter("name")
    return try store.file(given)?.name ?? given
  }
}

extension FileRecord {
  /// As the list of files has it.
  fileprivate var raw: JSON {
    [
      "basename": .string(name), "filename": .string(name), "uuid": .string(uuid), "md5": .string(md5),
      "sha256": .string(sha256), "version": .integer(version),
    ]
  }

  /// As the API shows it.
  fileprivate var view: JSON {
    [
      "name": .string(name), "uuid": .string(uuid), "md5": .string(md5), "sha256": .string(sha256),
      "size": .integer(size),
    ]
  }
}
