import Foundation
import JSONDocument
import MockMonorail
import Testing

/// `serve` with a directory, workflows and discovery, and `prune`, as programs.
@Suite struct KeepingCommandTests {
  private static let graph = """
    [ { "friendlyName": "t", "injectableName": "Task.own", "implementsTask": "Task.Base.Linux.Commands",
        "options": { "commands": "echo own" }, "properties": {} },
      { "friendlyName": "g", "injectableName": "Graph.own", "options": {},
        "tasks": [ { "label": "a", "taskName": "Task.own" } ] } ]
    """

  private func url(of serve: Command) async throws -> String {
    let line = await serve.firstLine()
    return try #require(line.split(separator: " ").last.map(String.init))
  }

  private func get(_ url: String) async -> Command.End {
    await Command.run(["-s", "-S", url], program: "/usr/bin/curl")
  }

  @Test
  func `A server goes on with what an earlier one kept, and prune removes what is old`() async throws {
    try await withDirectory { directory in
      let (data, workflows) = (directory + "/data", directory + "/workflows/deep")
      try FileManager.default.createDirectory(atPath: workflows, withIntermediateDirectories: true)
      try Self.graph.write(toFile: workflows + "/own.json", atomically: true, encoding: .utf8)
      let node = "000000000000001e67000001"
      let arguments = [
        "serve", "--port", "0", "--data", data, "--workflows", directory + "/workflows", "--discovery", "Graph.own",
      ]
      do {
        let serve = try Command(arguments)
        let api = try await url(of: serve) + "/api/current"
        #expect(await get(api + "/tasks/bootstrap.js?macAddress=00:1e:67:00:00:01").status == 0)
        #expect(await get(api + "/tasks/" + node).output.contains("echo own"))
        let second = await Command.run(arguments)
        #expect(second.status == 1)
        #expect(second.errors.contains("\(data) is in use by monorail-mock, process "))
        let pruned = await Command.run(["prune", "--data", data, "--keep", "1"])
        #expect(pruned.status == 1 && pruned.errors.contains("is in use by monorail-mock"))
        serve.send(SIGKILL)
        #expect(await serve.end().status == 128 + SIGKILL)
      }
      let serve = try Command(arguments)
      let api = try await url(of: serve) + "/api/current"
      let set = await get(api + "/tasks/" + node).output
      #expect(set.contains("echo own"))
      let report = await Command.run(["-s", "-d", set, api + "/tasks/" + node], program: "/usr/bin/curl")
      #expect(report.output.contains("\"report\": 1"))
      let runs = try JSON(parsing: await get(api + "/nodes/" + node + "/workflows").output)
      #expect(runs.arrayValue?.map { $0["_status"] } == ["succeeded"])
      let upload = await Command.run(
        ["-s", "-T", workflows + "/own.json", api + "/files/own.json"], program: "/usr/bin/curl")
      #expect(upload.output.contains("sha256"))
      let template = await Command.run(
        ["-s", "-T", workflows + "/own.json", api + "/templates/library/own.json"], program: "/usr/bin/curl")
      #expect(template.output.contains("own.json"))
      serve.send(SIGTERM)
      #expect(await serve.end().status == 0)
      for name in ["files", "templates"] {
        #expect(FileManager.default.fileExists(atPath: data + "/\(name)/own.json"))
      }
      let kept = await Command.run(["prune", "--data", data, "--keep", "1"])
      #expect(kept.output.hasPrefix("removed 0 runs, 0 task sets, 0 reports"))
      let pruned = await Command.run(["prune", "--data", data, "--keep", "0"])
      #expect(pruned.output == "removed 1 runs, 1 task sets, 1 reports, 0 catalogs, 0 lines of syslog\n")
    }
  }

  @Test(arguments: [0o755, 0o777] as [mode_t])
  func `Nobody else can read a directory's contents, and one in which others may write is refused`(
    mode: mode_t
  ) async throws {
    try await withDirectory { directory in
      let data = directory + "/data"
      try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
      for name in [Store.databaseName, Store.databaseName + "-wal"] {
        #expect(FileManager.default.createFile(atPath: data + "/" + name, contents: nil))
        #expect(chmod(data + "/" + name, 0o644) == 0)
      }
      #expect(chmod(data, mode) == 0)
      let serve = try Command(["serve", "--port", "0", "--data", data])
      if mode == 0o777 {
        let end = await serve.end()
        #expect(end.status == 1 && end.errors.contains("chmod 700 \(data)"), "\(end.errors)")
        return
      }
      _ = try await url(of: serve)
      let names = try FileManager.default.contentsOfDirectory(atPath: data)
      #expect(names.count >= 5)
      for name in names {
        var status = stat()
        #expect(stat(data + "/" + name, &status) == 0)
        #expect(status.st_mode & 0o077 == 0, "\(name): \(String(status.st_mode, radix: 8))")
      }
      serve.send(SIGTERM)
      #expect(await serve.end().status == 0)
    }
  }

  @Test
  func `What cannot be used is refused before the server listens`() async throws {
    try await withDirectory { directory in
      try #"{"injectableName": "Graph.x", "tasks": [{"label": "a"}]}"#
        .write(toFile: directory + "/bad.json", atomically: true, encoding: .utf8)
      try "nothing".write(toFile: directory + "/file", atomically: true, encoding: .utf8)
      let cases: [([String], Int32, String)] = [
        (["--workflows", directory], 64, "bad.json: Graph.x"),
        (["--discovery", "Graph.none"], 64, "--discovery Graph.none: there is no graph of that name"),
        (["--keep", "3"], 64, "--keep needs --data"),
        (["--data", directory + "/file"], 1, "make the directory"),
      ]
      for (arguments, status, words) in cases {
        let end = await Command.run(["serve", "--port", "0"] + arguments)
        #expect(end.status == status)
        #expect(end.errors.contains(words), "\(end.errors)")
      }
      let prune = await Command.run(["prune", "--data", directory, "--keep", "1"])
      #expect(prune.status == 64 && prune.errors.contains("there is no database in \(directory)"))
    }
  }
}
