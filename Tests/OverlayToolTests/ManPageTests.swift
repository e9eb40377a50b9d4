import Foundation
import Overlay
import TestSupport
import Testing

struct ManPageTests {
  private static let path = Repository.path("docs/man/monorail-overlay.1")

  @Test func `The page is clean, for mandoc and for groff`() async throws {
    let stage = try ExampleStage.withoutBase()
    #expect(try await stage.run("mandoc -Tlint -W warning '\(Self.path)'").text == "")
    #expect(try await stage.succeed("mandoc -Tmarkdown '\(Self.path)'").contains("# EXIT STATUS"))
  }

  @Test func `It has every command with its options, and no other`() async throws {
    let sections = try Self.optionsOfCommands()
    let commands = try #require(try await ToolHelp.read().subcommands)
    #expect(Set(sections.keys) == Set(commands.map(\.commandName)))
    for command in commands {
      // -h and --help, which every command has, are explained once at the end of the page.
      #expect(sections[command.commandName] == command.options.subtracting(["-h", "--help"]), "\(command.commandName)")
    }
  }

  /// The options that the section of each command explains. Each is in a line that begins an item of a list.
  private static func optionsOfCommands() throws -> [String: Set<String>] {
    let page = try String(contentsOfFile: path, encoding: .utf8)
    var sections: [String: Set<String>] = [:]
    var section: String?
    var isHead = false
    for line in page.split(separator: "\n") {
      if line.hasPrefix(".Ss ") {
        section = String(line.dropFirst(4))
        sections[String(line.dropFirst(4))] = []
      } else if line.hasPrefix(".Sh ") || line == ".Pp" {
        section = nil
      }
      guard let section else { continue }
      if line.hasPrefix(".It Xo") { isHead = true }
      if line == ".Xc" { isHead = false }
      guard isHead || line.hasPrefix(".It ") else { continue }
      var words = line.split(separator: " ").dropFirst(line.hasPrefix(".It") ? 1 : 0)[...]
      while let word = words.popFirst() {
        guard word == "Fl" || word == ".Fl", let name = words.popFirst() else { continue }
        if name == "Fl", let long = words.popFirst() {
          sections[section]?.insert("--\(long)")
        } else {
          sections[section]?.insert("-\(name)")
        }
      }
    }
    return sections
  }

  /// In the page and in `--help`.
  @Test(arguments: [("gzip", 1...12, 6), ("zstd", 1...19, 11), ("xz", 0...9, 3)])
  func `The levels that it names are those of the program`(
    name: String, levels: ClosedRange<Int>, standard: Int
  ) async throws {
    let format = try #require(CompressionFormat(rawValue: name))
    #expect(format.levels == levels && format.defaultLevel == standard)
    let page = try String(contentsOfFile: Self.path, encoding: .utf8)
    #expect(page.contains("\(name) \(levels.lowerBound) to \(levels.upperBound) (\(standard))"))
    let commands = try #require(try await ToolHelp.read().subcommands)
    for command in commands where command.options.contains("--level") {
      let help = try ToolRun(["help", command.commandName], in: "/").output.split(whereSeparator: \.isWhitespace)
      #expect(help.joined(separator: " ").contains("\(name) \(levels.lowerBound)-\(levels.upperBound) (\(standard))"))
    }
  }

  @Test(arguments: ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES"])
  func `It has the usual sections`(name: String) throws {
    #expect(try String(contentsOfFile: Self.path, encoding: .utf8).contains("\n.Sh \(name)\n"))
  }
}
