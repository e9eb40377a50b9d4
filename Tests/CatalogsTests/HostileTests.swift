import Catalogs
import JSONDocument
import Testing

/// Outputs that nobody's tool prints. The time limit is there for what takes the square of the length.
@Suite struct HostileTests {
  /// Long runs of what parsers look for, behind a beginning that the tool's parser goes on with.
  static let beginnings = [
    "dmidecode": "Handle 1\nTitle\n", "flashupdt": "BIOS Version Information:\n", "ip": "2: eth0: <UP>\n",
    "smart": "####/dev/sda x\nsmartctl 6 x\n\n", "ipmitool-fru": "FRU Device Description : a\n", "lsscsi": "x\nBREAK\n",
    "megacli": "Adapter #0\na\n==\n", "mlxfwmanager": "<a>", "test-eses": "<a>", "ohai": "[", "lldpcli": "lldp.",
    "sas2flash": "\n\n\n\n\n", "ipmitool-mc-info": "Additional Device Support :\n",
  ]
  static let repeated = [
    "\n", "\n\n", " ", "\t", ",", ":", " : ", "=", ".", "#", "####\n", "a: b\n", "\tTitle:\n\t\tx\n", "a b ", "[",
    "{\"a\":",
    "<a>", "<a/>", "&lt;", "\0", "\r", "\r\n", "\u{301}", "(1) ", "A: (1) b.\n", "(", "&", "lldp.a=b\n", "===\n",
    "Handle 1\nT\n",
    "SMART Attributes Data Structure revision number: 1\n", "vlan ", "\u{1F1E9}\u{1F1EA}",
  ]

  @Test(.timeLimit(.minutes(3)), arguments: CatalogTool.all.map(\.name))
  func `Runs of thirty kilobytes are parsed or kept raw`(_ name: String) throws {
    let command = ToolCommand(try #require(CatalogTool.named(name)))
    for piece in Self.repeated {
      let output = (Self.beginnings[name] ?? "") + String(repeating: piece, count: 30_000 / piece.utf8.count)
      _ = command.catalog(of: output)
    }
  }

  @Test(.timeLimit(.minutes(3)), arguments: CatalogTool.all.map(\.name))
  func `Sixty-four megabytes in one line are kept raw`(_ name: String) throws {
    let catalog = ToolCommand(try #require(CatalogTool.named(name))).catalog(of: Self.longLine)
    #expect(catalog.reason == "the output has 67108864 bytes, and more than 16777216 are not parsed")
    #expect(catalog.data?["data"]?.stringValue?.utf8.count == 64 << 20)
  }

  static let longLine = String(repeating: "a: b, c=d ", count: (64 << 20) / 10) + "1234"

  @Test(
    .timeLimit(.minutes(3)),
    arguments: [
      ("ipmitool-sel-list", "1,2,3\n", "1,2,3,4\n"), ("ipmitool-user-list", "1,a\n", "1,a\n"),
      ("lldpcli", "lldp.%.a=b\n", "lldp.%.a=b\n"),
      ("dmidecode", "Handle %\nTitle %\n\ta: b\n\n", "Handle %\nTitle\n\ta: b\n\n"),
      ("ipmitool-lan-print", "k% : v\n", " : v\n"),
      ("ohai", "", ""),
    ])
  func `Twenty thousand entries, with different keys and with the same, take seconds`(
    _ name: String, _ different: String, _ same: String
  ) throws {
    let command = ToolCommand(try #require(CatalogTool.named(name)))
    for entry in [different, same] {
      var output = ""
      for number in 0..<20_000 {
        output += entry.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "\(number)")
      }
      if name == "ohai" {
        output = "{" + (0..<20_000).map { "\"k.\($0)\": \"v.\($0)\"" }.joined(separator: ",") + "}"
      }
      _ = command.catalog(of: output)
    }
  }

  @Test(.timeLimit(.minutes(3)))
  func `Keys with dots that values quote are looked for only so long`() throws {
    let keys = (0..<5_000).map { "k.\($0)" }
    let quotes = keys.map { "\"\($0)\": \"\($0)x\"" }.joined(separator: ",")
    let long = String(repeating: "x", count: 2_000)
    let document =
      "{\"q\": {\(quotes)}, \"l\": [\(keys.map { "\"\($0)\"" }.joined(separator: ","))],"
      + keys.map { "\"\($0)\": \"\(long)\"" }.joined(separator: ",") + "}"
    let catalog = ToolCommand(try #require(CatalogTool.named("ohai"))).catalog(of: document)
    #expect(catalog.data?["k_4999"] == .string(long))
    #expect(catalog.data?["q"]?["k_4999"] == "k.4999x")
  }

  struct TooMuch: CustomTestStringConvertible, Sendable {
    let tool: String
    let output: String
    let reason: String

    init(_ tool: String, _ reason: String, _ output: String) {
      (self.tool, self.output, self.reason) = (tool, output, reason)
    }

    // The output itself would fill the tests' log.
    var testDescription: String { "\(tool): \(reason)" }
  }

  static let tooMuch = [
    TooMuch("ohai", "nesting too deep", String(repeating: "[", count: 1000)),
    TooMuch("ohai", "more than 500000 values", "[" + String(repeating: "1,", count: 600_000) + "1]"),
    TooMuch("mlxfwmanager", "elements nest too deeply", String(repeating: "<a>", count: 1000)),
    TooMuch("mlxfwmanager", "more than 500000 values", "<a>" + String(repeating: "<b/>", count: 500_001) + "</a>"),
    TooMuch("lldpcli", "more than 60 parts", "lldp" + String(repeating: ".a", count: 1000) + "=1"),
    TooMuch("ipmitool-sel-list", "more than 500000 values", String(repeating: ",", count: 600_000)),
    TooMuch(
      "smart", "more than 500000 values",
      "####/dev/a b\nSMART Self-test log structure revision number 1\n" + String(repeating: "a ", count: 1000) + "\n"
        + String(repeating: "x\n", count: 600)),
    TooMuch("dmidecode", "more than 500000 are not parsed", String(repeating: "\n", count: 500_001)),
    TooMuch("ohai", "NUL byte", "{\"a\": \"\0\"}"),
  ]

  @Test(.timeLimit(.minutes(3)), arguments: tooMuch)
  func `What is too deep or too much is kept raw`(_ output: TooMuch) throws {
    let catalog = ToolCommand(try #require(CatalogTool.named(output.tool))).catalog(of: output.output)
    #expect(catalog.reason?.contains(output.reason) == true, "\(catalog.reason ?? "it was parsed")")
    #expect(catalog.data?["data"]?.stringValue?.utf8.count == output.output.utf8.count)
  }

  @Test func `A NUL and a character that is no ASCII stay in texts`() throws {
    let command = try #require(ToolCommand("sudo dmidecode"))
    let catalog = command.catalog(of: "Handle 1\nSystem\n\tName: a\0b\u{FFFD}é\n\nEnd Of Table\n")
    #expect(catalog.data?["System"]?["Name"] == "a\0b\u{FFFD}é")
  }

  @Test func `A document type cannot define entities`() throws {
    let command = try #require(ToolCommand("sudo mlxfwmanager --query-xml"))
    let laughs = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'>]><a>&c;</a>"
    #expect(command.catalog(of: laughs).reason?.contains("the entity &c; is not known") == true)
    #expect(command.catalog(of: "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&#233;</a>").data == ["a": "é"])
  }
}
