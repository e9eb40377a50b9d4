import Foundation
import JSONDocument
import TestSupport
import Testing

/// The program itself.
@Suite struct CatalogCommandTests {
  private func run(_ arguments: [String], input: String = "/dev/null") async throws -> ChildProcess.Result {
    let program = try ChildProcess([BuiltPrograms.path("monorail-mock"), "catalog"] + arguments, input: input)
    return try await program.result(within: .seconds(120))
  }

  private func run(_ tool: String, on bytes: [UInt8]) async throws -> ChildProcess.Result {
    let scratch = try ScratchDirectory()
    let path = scratch("output")
    try Data(bytes).write(to: URL(filePath: path))
    return try await run([tool], input: path)
  }

  @Test(arguments: ["dmidecode", "dmi", "sudo dmidecode"])
  func `It prints what would be stored`(_ tool: String) async throws {
    let fixture = Fixture("dmidecode.server")
    let end = try await run([tool], input: fixture.path)
    #expect(end.code == 0)
    #expect(end.errors == "")
    #expect(try JSON(parsing: end.output).sorted == fixture.expected().sorted)
    #expect(end.output.hasPrefix("{\n  \"source\": \"dmi\",\n"))
  }

  @Test func `A command names the channel, and addresses are told`() async throws {
    let end = try await run(["sudo ipmitool lan print 3"], input: Fixture("ipmitool-lan-print.server").path)
    let record = try JSON(parsing: end.output)
    #expect(record["source"] == "rmm")
    #expect(record["lookups"] == [["macAddress": "00:1e:67:98:bc:81", "ipAddress": "198.51.100.30"]])
  }

  @Test func `The list has each tool with its catalog and commands`() async throws {
    let end = try await run(["--list"])
    #expect(end.code == 0)
    let lines = end.output.split(separator: "\n")
    #expect(lines.first?.split(separator: " ") == ["TOOL", "CATALOG", "COMMAND"])
    #expect(lines.contains { $0.hasPrefix("dmidecode ") && $0.contains(" dmi ") && $0.hasSuffix(" sudo dmidecode") })
    #expect(lines.contains { $0.contains(" bmc, bmc-N, rmm ") && $0.hasSuffix(" sudo ipmitool lan print [N]") })
    #expect(lines.contains { $0.hasSuffix("sudo test_eses -q std --xml") })
  }

  @Test func `An unknown tool gets the names of those that there are`() async throws {
    let end = try await run(["dmidecod"])
    #expect(end.code == 64)
    #expect(end.output == "")
    #expect(end.errors.contains("no tool, catalog or command 'dmidecod' is known; the tools are dmidecode, ohai, lshw"))
  }

  @Test(arguments: [[], ["--list", "dmi"]])
  func `Without a tool, or with too much, it says so`(_ arguments: [String]) async throws {
    let end = try await run(arguments)
    #expect(end.code == 64)
    #expect(end.errors.contains(arguments.isEmpty ? "name a tool, or use --list" : "--list takes no tool"))
  }

  @Test func `An output that cannot be parsed is printed raw, and the exit code is 1`() async throws {
    let end = try await run("lshw", on: Array("lshw: no memory".utf8))
    #expect(end.code == 1)
    #expect(end.errors.hasPrefix("monorail-mock catalog: not parsed: not valid JSON: "))
    #expect(try JSON(parsing: end.output) == ["source": "lshw", "data": ["data": "lshw: no memory"]])
  }

  @Test func `When nothing is stored, nothing is printed`() async throws {
    let end = try await run(["ipmitool-lan-print"])
    #expect(end.code == 0)
    #expect(end.output == "")
    #expect(
      end.errors == "monorail-mock catalog: nothing is stored: the output is empty: the BMC has no such channel\n")
  }

  @Test func `Bytes that are no UTF-8 become replacement characters`() async throws {
    let end = try await run(
      "dmidecode", on: Array("Handle 1\nSystem\n\tName: a".utf8) + [0xFF, 0xC3, 0x0A] + Array("\nEnd Of Table\n".utf8))
    #expect(end.code == 0)
    #expect(try JSON(parsing: end.output)["data"]?["System"]?["Name"] == "a\u{FFFD}\u{FFFD}")
  }

  @Test(.timeLimit(.minutes(3)))
  func `More than any report has is refused`() async throws {
    let end = try await run("dmidecode", on: [UInt8](repeating: 0x61, count: (64 << 20) + 1))
    #expect(end.code == 1)
    #expect(end.output == "")
    #expect(end.errors == "monorail-mock catalog: the input has more than 67108864 bytes, which no report has\n")
  }

  @Test(.timeLimit(.minutes(3)))
  func `More than is parsed, in one line, is printed raw`() async throws {
    let end = try await run("dmidecode", on: [UInt8](repeating: 0x61, count: (16 << 20) + 1))
    #expect(end.code == 1)
    #expect(end.errors.hasSuffix("not parsed: the output has 16777217 bytes, and more than 16777216 are not parsed\n"))
    #expect(end.output.utf8.count > 16 << 20)
  }
}
