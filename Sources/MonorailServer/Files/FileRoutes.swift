import Hummingbird
import JSONDocument
import MonorailStore
import NIOPosix

/// The file service: firmware that nodes fetch, backups that they send.
struct FileRoutes: Sendable {
  let files: FileStore
  let store: Store

  func add(to group: RouterGroup<ServerContext>) {
    group.get("files") { _, _ in Response.json(.array(try files.names().map { .string($0) })) }
    group.put("files/:name") { request, context in
      let name = try context.parameter("name")
      let count = try await files.save(name, request)
      let digests = try await NIOThreadPool.singleton.runIfActive { try files.digests(name) }
      let file = try await store.perform(
        .addFile(name: name, md5: digests.md5, sha256: digests.sha256, size: count))
      return Response.json(file.view, status: .created)
    }
    group.get("files/:name") { request, context in
      try await FileAnswer.response(path: files.existingPath(context.parameter("name")), request, context)
    }
    group.head("files/:name") { request, context in
      try await FileAnswer.response(path: files.existingPath(context.parameter("name")), request, context)
    }
    group.get("files/:name/md5") { _, context in
      let name = try context.parameter("name")
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
}

extension FileRecord {
  /// As the API shows it.
  fileprivate var view: JSON {
    [
      "name": .string(name), "uuid": .string(uuid), "md5": .string(md5), "sha256": .string(sha256),
      "size": .integer(size),
    ]
  }
}
