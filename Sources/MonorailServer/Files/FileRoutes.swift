import Hummingbird
import JSONDocument
import NIOPosix

/// The file service: firmware that nodes fetch, backups that they send.
struct FileRoutes: Sendable {
  let files: FileStore

  func add(to group: RouterGroup<ServerContext>) {
    group.get("files") { _, _ in Response.json(.array(try files.names().map { .string($0) })) }
    group.put("files/:name") { request, context in
      let name = try context.parameter("name")
      let count = try await files.save(name, request)
      return Response.json(["name": .string(name), "size": .integer(count)], status: .created)
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
    group.delete("files/:name") { _, context in
      try files.remove(context.parameter("name"))
      return Response(status: .noContent)
    }
  }
}
