import Foundation
import JSONDocument
import MockMonorail
import MonorailProtocol
import Testing

private let api = "/api/current"

/// A report with one task.
private func report(
  _ command: String, _ output: String, error: JSON = .null, _ fields: KeyValuePairs<String, JSON> = [:]
) -> String {
  var task = JSONObject()
  task["cmd"] = .string(command)
  task["stdout"] = .string(output)
  task["error"] = error
  for (key, value) in fields { task[key] = value }
  let document: JSON = ["tasks": [.object(task)]]
  return document.text
}

extension MockMonorail {
  fileprivate func json(_ path: String) async throws -> JSON {
    try JSON(parsing: try await request("GET", api + path).body)
  }

  fileprivate func report(_ text: String, from node: String = "n1") async throws {
    #expect(try await request("POST", "\(api)/tasks/\(node)", body: text).status == 201)
  }
}

/// What becomes of the outputs in the report of a task set that a person wrote.
@Suite struct CatalogRoutesTests {
  struct Case: CustomTestStringConvertible {
    let testDescription: String
    let report: String
    var source: String?
    var data: JSON?
    var reason: String?

    init(_ name: String, _ report: String, _ source: String? = nil, _ data: JSON? = nil, reason: String? = nil) {
      (testDescription, self.report, self.source, self.data) = (name, report, source, data)
      self.reason = reason
    }
  }

  static let cases = [
    Case(
      "the parser of a known command", report("sudo lspci -nn -vmm", "Slot:\t00:1f.0\nClass:\tISA bridge\n\n"), "lspci",
      [["Slot": "00", "Class": "ISA bridge"], [:]]),
    Case(
      "a known command under the task's own name",
      report("sudo lspci -nn -vmm", "Slot:\t00:1f.0\n\n", ["catalog": true, "source": "my pci"]), "my pci",
      [["Slot": "00"], [:]]),
    Case(
      "a known command whose task has a format",
      report("sudo lspci -nn -vmm", "x", ["catalog": true, "source": "s", "format": "raw"]), "s", ["data": "x"]),
    Case(
      "a known command whose output cannot be parsed", report("sudo lshw -json", "[]"), "lshw", ["data": "[]"],
      reason: "lshw"),
    Case(
      "JSON by its format, numbers as they were",
      report("x", #"{"id":1.0,"a.b":1}"#, ["catalog": true, "source": "lshw user", "format": "json"]), "lshw user",
      ["id": .number("1.0"), "a_b": 1]),
    Case(
      "a format that the output does not have",
      report("x", "no", ["catalog": true, "source": "s", "format": "json"]), "s", ["data": "no"], reason: "JSON"),
    Case("a mark without a format, JSON", report("x", "[1]", ["catalog": true, "source": "s"]), "s", [1]),
    Case("a mark without a format, text", report("x", "B", ["catalog": true, "source": "s"]), "s", ["data": "B"]),
    Case("a source alone is a mark", report("x", "BIOS", ["source": "s"]), "s", ["data": "BIOS"]),
    Case("a mark without a source", report("x", "BIOS", ["catalog": true]), "unknown", ["data": "BIOS"]),
    Case("no mark, and no known command", report("date", "now")),
    Case("a mark that says no", report("sudo lspci -nn -vmm", "Slot:\t00\n", ["catalog": false, "source": "s"])),
    Case("a failed command", report("x", "y", error: ["code": 1], ["catalog": true, "source": "s"])),
    Case(
      "an error that the task accepts",
      report("x", "y", error: ["code": 1], ["catalog": true, "source": "s", "acceptedResponseCodes": [1]])),
    Case(
      "an output without anything to store",
      report(
        "sudo /opt/MegaRAID/storcli/storcli64 show ctrlcount J",
        #"{"Controllers":[{"Response Data":{"Controller Count":0}}]}"#)),
    Case("a task that did not run", #"{"tasks":[{"cmd":"sudo lspci -nn -vmm","catalog":true}]}"#),
    Case("a report that is no task set", #"{"a":1}"#),
  ]

  @Test(arguments: cases)
  func `a task's output becomes the catalog that its mark or its command says`(_ expected: Case) async throws {
    try await withMock { mock in
      mock.addNode(id: "n1")
      try await mock.report(expected.report)
      let all = try await mock.json("/nodes/n1/catalogs").arrayValue ?? []
      #expect(all.map { $0["source"]?.stringValue } == (expected.source.map { [$0] } ?? []))
      #expect(all.first?["data"] == expected.data)
      let reason = all.first?["reason"]?.stringValue
      #expect((reason != nil) == (expected.reason != nil))
      if let words = expected.reason { #expect(reason?.contains(words) == true, "\(reason ?? "")") }
    }
  }

  @Test func `each report adds catalogs, and the newest of a source is found by its name`() async throws {
    try await withMock { mock in
      for node in ["n1", "n2"] { mock.addNode(id: node) }
      for text in ["[1]", "[2]"] { try await mock.report(report("x", text, ["source": "a b"])) }
      try await mock.report(report("x", "[3]", ["source": "other"]))
      try await mock.report(report("x", "[4]", ["source": "a b"]), from: "n2")
      let all = try await mock.json("/nodes/n1/catalogs")
      #expect(all.arrayValue?.map { $0["data"] } == [[1], [2], [3]])
      #expect(all[0]?["node"] == "/api/2.0/nodes/n1")
      #expect(all[0]?["createdAt"]?.stringValue?.hasSuffix("Z") == true)
      let newest = try await mock.json("/nodes/n1/catalogs/a%20b")
      #expect(newest["data"] == [2] && newest["node"] == "n1")
      let id = try #require(all[0]?["id"]?.stringValue)
      #expect(try await mock.json("/catalogs/\(id)")["data"] == [1])
      let missing = try await mock.request("GET", api + "/nodes/n1/catalogs/x")
      #expect(missing.status == 404 && missing.text.contains("No Catalogs Found for Source (x)."))
      for path in ["/nodes/n3/catalogs", "/nodes/n3/catalogs/a", "/catalogs/0"] {
        #expect(try await mock.request("GET", api + path).status == 404)
      }
    }
  }

  @Test(arguments: [
    ("", [1, 2, 3]), ("?source=a", [1, 3]), ("?node=n2", [3]), ("?source=a&node=n1", [1]), ("?source=x", []),
    ("?data.v=2", [2]), ("?data.v=2&source=a", []), ("?data.none=2", []),
  ])
  func `a query narrows the list of all catalogs`(query: String, values: [Int]) async throws {
    try await withMock { mock in
      for node in ["n1", "n2"] { mock.addNode(id: node) }
      for (value, source, node) in [(1, "a", "n1"), (2, "b", "n1"), (3, "a", "n2")] {
        try await mock.report(report("x", #"{"v":\#(value)}"#, ["source": .string(source)]), from: node)
      }
      let found = try await mock.json("/catalogs" + query)
      #expect(found.arrayValue?.compactMap { $0["data"]?["v"]?.intValue } == values)
    }
  }

  @Test func `addresses that a catalog tells are looked up`() async throws {
    try await withMock { mock in
      mock.addNode(mac: "52:54:00:00:00:01", id: "n1")
      let addresses = """
        [{"ifname":"eth0","flags":[],"mtu":1500,"link_type":"ether","address":"52:54:00:00:00:01",
          "addr_info":[{"family":"inet","local":"10.1.1.20","prefixlen":24}]}]
        """
      try await mock.report(report("sudo ip -j addr show", addresses))
      try await mock.report(
        report("sudo ipmitool lan print", "IP Address : 10.1.1.99\nMAC Address : 00:1E:67:00:00:09\n"))
      let nic: JSON = ["node": "n1", "macAddress": "52:54:00:00:00:01", "ipAddress": "10.1.1.20"]
      let bmc: JSON = ["node": .null, "macAddress": "00:1e:67:00:00:09", "ipAddress": "10.1.1.99"]
      for (query, found) in [
        ("10.1.1.20", [nic]), ("52-54-00-00-00-01", [nic]), ("10.1.1.99", [bmc]), ("00:1E:67:00:00:09", [bmc]),
      ] as [(String, [JSON])] {
        let answer = try await mock.json("/lookups?q=\(query)").arrayValue ?? []
        #expect(answer.map { $0["macAddress"] } == found.map { $0["macAddress"] })
        #expect(answer.map { $0["node"] } == found.map { $0["node"] })
        #expect(answer.map { $0["ipAddress"] } == found.map { $0["ipAddress"] })
      }
    }
  }

  @Test func `a NIC that a catalog tells is the node's own, unless another node has it`() async throws {
    try await withMock { mock in
      mock.addNode(mac: "52:54:00:00:00:01", id: "n1")
      mock.addNode(mac: "52:54:00:00:00:03", id: "n2")
      let nics = (1...3).map {
        #"{"id":"network:\#($0)","class":"network","serial":"52:54:00:00:00:0\#($0)"}"#
      }.joined(separator: ",")
      let hardware = #"{"children":[{"children":[{"id":"pci","children":[\#(nics)]}]}]}"#
      try await mock.report(report("sudo lshw -json", hardware))
      #expect(mock.state.node("n1")?.macAddresses.map(\.description) == ["52:54:00:00:00:01", "52:54:00:00:00:02"])
      #expect(mock.state.node("n2")?.macAddresses.map(\.description) == ["52:54:00:00:00:03"])
    }
  }

  @Test func `beyond the limit the oldest catalogs go, but never the last one`() async throws {
    let mock = try await MockMonorail.start(MockConfiguration(), state: MonorailState(retainedCatalogBytes: 10))
    mock.addNode(id: "n1")
    for value in 1...4 { try await mock.report(report("x", #"{"v":\#(value)}"#, ["source": "a"])) }
    // Each of these has 7 bytes.
    #expect(try mock.state.catalogs(of: "n1").map { try $0.data() } == [["v": 4]])
    try await mock.report(report("x", #"{"v":"longer than all of it"}"#, ["source": "a"]))
    #expect(mock.state.catalogs().count == 1)
    await mock.stop()
  }

  @Test func `what cannot be parsed, and why, is told as an event`() async throws {
    let events = EventList()
    try await withMock({ $0.events = { events.add($0) } }) { mock in
      mock.addNode(id: "n1")
      try await mock.report(report("sudo lshw -json", "[]"))
      let told = events.all.filter { $0["event"] == "catalog-not-parsed" }
      #expect(told.map { $0["source"] } == ["lshw"])
      #expect(told.first?["node"] == "n1" && told.first?["stored"] == true)
      #expect(told.first?["reason"]?.stringValue?.isEmpty == false)
    }
  }
}
