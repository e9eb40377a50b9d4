import ArgumentParser
import Catalogs
import Foundation
import JSONDocument

struct CatalogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog",
    abstract: "Print the catalog that a server makes of a tool's output.",
    discussion: """
      Reads the output from standard input, as the node reported it.

      EXAMPLE
        dmidecode | monorail-mock catalog dmidecode
        ipmitool lan print 3 | monorail-mock catalog 'sudo ipmitool lan print 3' | jq .data
        monorail-mock catalog --list

      Prints an object with source and data, and lookups where the output tells addresses. When nothing would be stored,
      for example since there is no RAID controller, prints nothing, and says why on standard error.

      The exit code is 1 when the output cannot be parsed: the reason is on standard error, and the raw form that is kept is
      on standard output.
      """)

  @Argument(help: "A tool's name, a catalog's name, or a command as tasks have it; see --list.")
  var tool: String?

  @Flag(help: "List the tools with their catalogs and commands.")
  var list = false

  /// More than any report that a server takes.
  private static let largestInput = 64 << 20

  func validate() throws {
    guard list || tool != nil else { throw ValidationError("name a tool, or use --list") }
    if list, tool != nil { throw ValidationError("--list takes no tool") }
  }

  func run() throws {
    guard let tool else {
      print(Self.table, terminator: "")
      return
    }
    guard let command = CatalogTool.named(tool).map({ ToolCommand($0) }) ?? ToolCommand(tool) else {
      let names = CatalogTool.all.map(\.name).joined(separator: ", ")
      throw ValidationError("no tool, catalog or command '\(tool)' is known; the tools are \(names)")
    }
    let catalog = command.catalog(of: try Self.input())
    if let data = catalog.data {
      var record: JSON = ["source": .string(catalog.source), "data": data]
      if case .object(var object) = record, !catalog.lookups.isEmpty {
        object["lookups"] = .array(catalog.lookups.map(\.json))
        record = .object(object)
      }
      FileHandle.standardOutput.write(Data(record.prettyText.utf8))
    }
    switch catalog.content {
    case .parsed: break
    case .nothing(let reason): Self.say("nothing is stored: \(reason)")
    case .raw(_, let reason):
      Self.say("not parsed: \(reason)")
      throw ExitCode.failure
    }
  }

  /// What is not UTF-8 becomes U+FFFD, as in the agent's reports.
  private static func input() throws -> String {
    var bytes: [UInt8] = []
    while let piece = try FileHandle.standardInput.read(upToCount: 1 << 20), !piece.isEmpty {
      bytes += piece
      guard bytes.count <= largestInput else {
        say("the input has more than \(largestInput) bytes, which no report has")
        throw ExitCode.failure
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func say(_ text: String) {
    FileHandle.standardError.write(Data("monorail-mock catalog: \(text)\n".utf8))
  }

  private static var table: String {
    let rows = CatalogTool.all.flatMap { tool in
      tool.commands.enumerated().map { index, command in
        index == 0 ? [tool.name, tool.source, command] : ["", "", command]
      }
    }
    let all = [["TOOL", "CATALOG", "COMMAND"]] + rows
    let widths = (0..<2).map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      zip(row, widths).map { $0.padding(toLength: $1 + 2, withPad: " ", startingAt: 0) }.joined() + row[2] + "\n"
    }.joined()
  }
}
