import Foundation
import JSONDocument
import Testing

/// Requests of somebody who means harm, or of a program with a bug, to the real program: each is refused soon, takes little
/// memory, and touches no file but the server's own.
@Suite struct HostileRequestTests {
  /// Routes that take a JSON document.
  private static let documentRoutes = [
    ("POST", "tasks/n1"), ("POST", "nodes"), ("PATCH", "nodes/n1"), ("POST", "nodes/n1/workflows"),
    ("POST", "workflows"), ("PUT", "workflows/tasks"), ("PUT", "workflows/graphs"), ("POST", "skus"),
    ("POST", "tags"), ("PUT", "obms"), ("PUT", "workflows/x/action"),
  ]

  private static func nested(_ depth: Int) -> String {
    String(repeating: #"{"tasks":["#, count: depth) + String(repeating: "]}", count: depth)
  }

  @Test func `documents that are too long, too deep or no text are refused by every route`() async throws {
    try await withHostileServer { server in
      let zeros = server.directory("zeros")
      #expect(FileManager.default.createFile(atPath: zeros, contents: nil) && truncate(zeros, 60_000_000) == 0)
      let spaces = server.directory("spaces")
      try Data(repeating: UInt8(ascii: " "), count: 60_000_000).write(to: URL(filePath: spaces))
      let deep = try server.file(Array(Self.nested(200_000).utf8))
      let illFormed = try server.file(
        Array(#"{"name": ""#.utf8) + [0xC3, 0x28, 0xFF] + Array(#"", "tasks": []}"#.utf8))
      for (method, path) in Self.documentRoutes {
        for (what, file, status) in [
          ("60 MB of NUL", zeros, 413), ("60 MB of blanks", spaces, 413), ("too deep", deep, nil),
          ("ill-formed UTF-8", illFormed, 400),
        ] {
          for isLengthKnown in status == 413 ? [true, false] : [true] {
            let answer = try await server.send(method, path, file: file, isLengthKnown: isLengthKnown)
            #expect((400..<500).contains(answer.status), "\(what) to \(method) \(path): \(answer)")
            if let status { #expect(answer.status == status, "\(what) to \(method) \(path): \(answer)") }
          }
        }
      }
      #expect(try await server.send("GET", "nodes/n1").document["reports"] == 0)
    }
  }

  private static func graph(_ tasks: [JSON], options: JSON = [:]) -> JSON {
    [
      "friendlyName": "hostile", "injectableName": "Graph.Hostile", "options": options, "tasks": .array(tasks),
    ]
  }

  /// A chain of tasks, each waiting for the one before; the first for the last if it is closed.
  private static func ring(_ count: Int, isClosed: Bool = true) -> JSON {
    graph(
      (0..<count).map { place in
        var waitOn = JSONObject()
        if isClosed || place > 0 { waitOn["t\((place + count - 1) % count)"] = "succeeded" }
        return ["label": .string("t\(place)"), "taskName": "Task.noop", "waitOn": .object(waitOn)]
      })
  }

  private static func commands(_ options: JSON) -> JSON {
    graph([
      [
        "label": "a",
        "taskDefinition": [
          "friendlyName": "a", "injectableName": "Task.a", "implementsTask": "Task.Base.Linux.Commands",
          "properties": [:], "options": options,
        ],
      ]
    ])
  }

  private static let definitions: [(String, JSON, String)] = [
    ("a task that waits for itself", ring(1), "cyclic"), ("a ring of two", ring(2), "cyclic"),
    ("a ring of 1,000", ring(1000), "cyclic"), ("1,001 tasks", ring(1001, isClosed: false), "1001 tasks"),
    ("10,000 tasks", ring(10_000, isClosed: false), "more than 20000 values"),
  ]

  /// Each doubles the one before: 2^40 times the word.
  private static let doubling: JSON = .object(
    (1...40).reduce(into: JSONObject()) { options, place in
      options["x\(place)"] = .string("{{ options.x\(place - 1) }}{{ options.x\(place - 1) }}")
      options["commands"] = .string("{{ options.x\(place) }}")
      options["x0"] = "word"
    })

  private static let runs: [(String, JSON, String)] = [
    ("a template that names itself", commands(["commands": "{{ options.commands }}"]), "max depth"),
    (
      "templates that name each other", commands(["commands": "{{ options.b }}", "b": "{{ options.commands }}"]),
      "max depth"
    ), ("templates that double", commands(doubling), "expand"),
  ]

  @Test func `definitions and options without end are refused`() async throws {
    try await withHostileServer { server in
      for (what, graph, words) in Self.definitions {
        let answer = try await server.send("PUT", "workflows/graphs", body: graph)
        #expect(answer.status == 400 && answer.text.contains(words), "\(what): \(answer)")
      }
      for (what, graph, words) in Self.runs {
        #expect(try await server.send("PUT", "workflows/graphs", body: graph).status == 201, "\(what)")
        let answer = try await server.send("POST", "nodes/n1/workflows", body: ["name": "Graph.Hostile"])
        #expect(answer.status == 400 && answer.text.contains(words), "\(what): \(answer)")
      }
      #expect(try await server.send("GET", "nodes/n1/workflows").document == [])
      // 1,000 tasks are what a graph may have.
      #expect(try await server.send("PUT", "workflows/graphs", body: Self.ring(1000, isClosed: false)).status == 201)
    }
  }

  /// Names as they stand in a URL. Each would lead to `outside`, or to no file at all.
  private static let names = [
    "..%2foutside", "%2e%2e%2foutside", "..%2F..%2Foutside", "..", "%2e%2e", ".", "..%5coutside", "..%252foutside",
    "%2fetc%2fpasswd", "x%2f..%2f..%2foutside", "outside%00", "%00", ".outside", "%ff%fe", "%c0%ae%c0%ae%c0%afoutside",
    "%", "%zz", String(repeating: "a", count: 300), "a%0ab",
  ]

  @Test func `a name leads to no file outside of the server's directories`() async throws {
    try await withHostileServer { server in
      let secret = "outside of all directories"
      try server.directory.write(secret, to: "outside")
      try server.directory.write(secret, to: "data/outside")
      try server.directory.write(#"{"tasks": [{"cmd": "x", "stdout": "y"}]}"#, to: "body")
      let before = server.files()
      for name in Self.names {
        for path in [
          "/api/current/files/\(name)", "/api/current/files/\(name)/md5", "/api/current/files/\(name)/metadata",
          "/api/current/templates/library/\(name)", "/api/current/templates/\(name)?nodeId=n1", "/\(name)",
          "/common/\(name)", "/x/../\(name)",
        ] {
          let answer = try await server.send("GET", path)
          #expect(!answer.text.contains(secret) && !answer.text.contains("root:"), "\(path): \(answer)")
          #expect((300..<500).contains(answer.status) || path.hasSuffix("/."), "\(path): \(answer)")
        }
        for (method, path) in [
          ("PUT", "files/\(name)"), ("DELETE", "files/\(name)"), ("PUT", "templates/library/\(name)"),
          ("POST", "tasks/\(name)"),
        ] {
          let answer = try await server.send(method, path, file: server.directory("body"))
          #expect((300..<500).contains(answer.status), "\(method) \(path): \(answer)")
        }
        let named: JSON = ["name": .string(name.removingPercentEncoding ?? name)]
        let answer = try await server.send("POST", "nodes/n1/workflows", body: named)
        #expect((400..<500).contains(answer.status), "workflow \(name): \(answer)")
      }
      // A definition's name names no file.
      var graph = Self.ring(2, isClosed: false).objectValue ?? JSONObject()
      graph["injectableName"] = "../../outside"
      _ = try await server.send("PUT", "workflows/graphs", body: .object(graph))
      _ = try await server.send("DELETE", "workflows/graphs/..%2f..%2foutside")
      #expect(server.files() == before)
      #expect(server.directory.text(of: "outside") == secret && server.directory.text(of: "data/outside") == secret)
    }
  }
}

/// A server with a directory for everything that it can have.
private struct HostileServer {
  struct Answer {
    let status: Int
    let text: String

    var document: JSON { (try? JSON(parsing: text)) ?? .null }
  }

  /// How long an answer may take. A debug build on a busy machine reads 60 MB in seconds.
  private static let longestAnswer = 30

  let directory: ScratchDirectory
  let port: Int

  /// A file to send.
  func file(_ bytes: [UInt8]) throws -> String {
    let path = directory("sent-\(UUID().uuidString)")
    try Data(bytes).write(to: URL(filePath: path))
    return path
  }

  /// - Parameters:
  ///   - path: below `/api/current/`, if it does not begin with a slash. It is sent as it is.
  ///   - isLengthKnown: whether the request tells its length before the body.
  func send(_ method: String, _ path: String, file: String? = nil, isLengthKnown: Bool = true) async throws -> Answer {
    let url = "http://127.0.0.1:\(port)" + (path.hasPrefix("/") ? path : "/api/current/" + path)
    var command = [
      "curl", "--silent", "--path-as-is", "--globoff", "--max-time", "\(Self.longestAnswer)", "--request", method,
      "--write-out", "\n%{http_code}", "--header", "Content-Type: application/json",
    ]
    if !isLengthKnown { command += ["--header", "Transfer-Encoding: chunked"] }
    if let file { command += ["--data-binary", "@" + file] }
    let output = try await ChildProcess(command + [url]).result().output
    let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
    return Answer(status: Int(lines.last ?? "") ?? 0, text: lines.dropLast().joined(separator: "\n"))
  }

  func send(_ method: String, _ path: String, body: JSON) async throws -> Answer {
    let file = try file(Array(body.text.utf8))
    defer { unlink(file) }
    return try await send(method, path, file: file)
  }

  /// Every file below the directory, without those of the database.
  func files() -> Set<String> {
    let names = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    return Set(names.filter { !$0.hasPrefix("data/monorail.sqlite") })
  }
}

/// Runs a test against a program of its own; then it still answers, has not taken much memory, and ends as it should.
private func withHostileServer(_ body: (HostileServer) async throws -> Void) async throws {
  let directory = try ScratchDirectory()
  for name in ["workflows", "static", "templates", "boot"] {
    try FileManager.default.createDirectory(atPath: directory(name), withIntermediateDirectories: true)
  }
  let command = try Command([
    "serve", "--port", "0", "--data", directory("data"), "--results", directory("data/results"), "--workflows",
    directory("workflows"), "--static", directory("static"), "--templates", directory("templates"), "--boot-dir",
    directory("boot"), "--discovery", "none", "--node", "52:54:00:00:00:01=n1",
  ])
  let port = try #require(await command.firstLine().split(separator: ":").last.flatMap { Int($0) })
  let server = HostileServer(directory: directory, port: port)
  try await body(server)
  #expect(try await server.send("GET", "nodes/n1").status == 200)
  let peak = try command.peakMemory()
  #expect(peak < 300 << 20, "\(peak >> 20) MiB")
  command.send(SIGTERM)
  #expect(await command.end().status == 0)
}
