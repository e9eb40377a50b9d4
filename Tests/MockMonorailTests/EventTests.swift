import Foundation
import JSONDocument
import MockMonorail
import Testing

private let api = "/api/current"

/// What the program tells other programs: events on a descriptor, and reports as JSON.
@Suite struct EventTests {
  @Test func eventsAreToldOnADescriptor() async throws {
    try await withDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory + "/boot", withIntermediateDirectories: true)
      let serve = try Command(
        [
          "-c",
          #"exec "$0" serve --port 0 --events-fd 3 --boot-dir "$1/boot" --results "$1" --exit-after-reports 1 3>"$1/events""#,
          Command.mockProgram, directory,
        ], program: "/bin/sh")
      let port = try #require(await serve.firstLine().split(separator: ":").last.flatMap { Int($0) })
      let client = try Client(port: port)
      _ = await client.exchange("GET", api + "/profiles?macs=00:1e:67:98:bc:7e")
      let id = "000000000000001e6798bc7e"
      let push = await client.exchange(
        "POST", "\(api)/nodes/\(id)/workflows", body: Array(#"{"tasks":[{"cmd":"a\u001bb"}]}"#.utf8))
      #expect(push?.status == 201)
      #expect(await client.exchange("GET", "\(api)/tasks/\(id)?x=y")?.status == 200)
      let report = #"{"tasks":[{"cmd":"a\u001bb","stdout":"","error":{"code":3}},{"cmd":"b"}]}"#
      #expect(await client.exchange("POST", "\(api)/tasks/\(id)", body: Array(report.utf8))?.status == 201)
      let end = await serve.end()
      #expect(end.status == 0, "\(end.errors)")
      let text = try String(contentsOfFile: directory + "/events", encoding: .utf8)
      #expect(text.hasSuffix("\n"))
      let events = try text.split(separator: "\n").map { try JSON(parsing: Array($0.utf8)) }
      func event(_ name: String, _ position: Int = 0) throws -> JSON {
        let found = events.filter { $0["event"] == .string(name) }
        try #require(found.indices.contains(position), "\(text)")
        return found[position]
      }
      #expect(events.first?["event"] == "listening")
      #expect(try event("listening")["port"] == .integer(port))
      let node = JSON.string(id)
      #expect(try event("node")["node"] == node)
      #expect(try event("node")["mac"] == "00:1e:67:98:bc:7e")
      #expect(try event("node")["ip"] == "127.0.0.1")
      #expect(try event("boot")["node"] == node)
      #expect(try event("boot")["problems"]?.arrayValue?.count == 1)
      #expect(try event("task-set")["node"] == node)
      #expect(try event("task-set")["id"] == "1")
      let reported = try event("report")
      #expect(reported["node"] == node && reported["sequence"] == 1 && reported["tasks"] == 2)
      #expect(reported["failures"] == ["a\u{1B}b: code 3"])
      #expect(reported["file"] == .string("\(directory)/\(id)/0001.json"))
      let requests = events.filter { $0["event"] == "request" }
      #expect(requests.map { $0["method"] } == ["GET", "POST", "GET", "POST"])
      #expect(requests[2]["path"] == .string("\(api)/tasks/\(id)") && requests[2]["query"] == "x=y")
      #expect(requests.map { $0["status"] } == [200, 201, 200, 201])
      #expect(requests[3]["node"] == node && (requests[3]["milliseconds"]?.intValue ?? -1) >= 0)
    }
  }

  @Test func aDescriptorThatIsNotOpenIsNamed() async {
    let end = await Command.run(["serve", "--port", "0", "--events-fd", "77"])
    #expect(end.status == 64)
    #expect(end.errors.contains("--events-fd 77 is not open for writing"), "\(end.errors)")
  }

  @Test func aReaderThatLeavesDoesNotEndTheServer() async throws {
    let serve = try Command(
      ["-c", #"exec "$0" serve --port 0 --events-fd 3 3> >(exec head -n 1 >/dev/null)"#, Command.mockProgram],
      program: "/bin/bash")
    let port = try #require(await serve.firstLine().split(separator: ":").last.flatMap { Int($0) })
    for _ in 0..<20 {
      #expect(await (try Client(port: port)).exchange("GET", api + "/nodes")?.status == 200)
    }
    serve.send(SIGTERM)
    #expect(await serve.end().status == 0)
  }

  @Test func aReportIsPrintedAsJSON() async throws {
    try await withDirectory { directory in
      let report = """
        {"identifier":"n1","tasks":[
          {"cmd":"true","stdout":"line\\nmore","stderr":"","error":null,"source":"s","agent":{"durationMilliseconds":7}},
          {"cmd":"exit 3","stdout":"","error":{"code":3},"acceptedResponseCodes":[3]},
          {"cmd":"kill","stdout":"","error":{"code":null,"signal":"SIGKILL"}},
          {"cmd":"none","stdout":"","error":{"code":127}}, {"cmd":"later"}]}
        """
      try report.write(toFile: directory + "/a.json", atomically: true, encoding: .utf8)
      let end = await Command.run(["report", "--json", directory + "/a.json", directory + "/a.json"])
      #expect(end.status == 0, "\(end.errors)")
      let list = try JSON(parsing: Array(end.output.utf8))
      #expect(list.arrayValue?.count == 2)
      let first = try #require(list.arrayValue?.first)
      #expect(first["file"] == .string(directory + "/a.json") && first["node"] == "n1" && first["failed"] == 2)
      let tasks = try #require(first["tasks"]?.arrayValue)
      #expect(tasks.map { $0["status"] } == ["ok", "accepted", "failed", "absent", "not run"])
      #expect(tasks[0]["cmd"] == "true" && tasks[0]["milliseconds"] == 7 && tasks[0]["outputBytes"] == 9)
      #expect(tasks[0]["source"] == "s" && tasks[0]["failed"] == false && tasks[1]["reason"] == "code 3")
      #expect(tasks[2]["reason"] == "SIGKILL" && tasks[2]["failed"] == true)
    }
  }
}
