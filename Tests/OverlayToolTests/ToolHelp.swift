import Foundation

/// What the program says about its own commands and options.
struct ToolHelp: Decodable {
  struct Command: Decodable, Sendable {
    var commandName: String
    var abstract: String?
    var discussion: String?
    var arguments: [Argument]?
    var subcommands: [Command]?

    /// Its options as they are typed.
    var options: Set<String> {
      let names = (arguments ?? []).flatMap { $0.names ?? [] }
      return Set(names.filter { $0.kind != "longWithSingleDash" }.map { ($0.kind == "short" ? "-" : "--") + $0.name })
    }
  }

  struct Argument: Decodable, Sendable {
    var names: [Name]?
    var abstract: String?
  }

  struct Name: Decodable, Sendable {
    var kind: String
    var name: String
  }

  var command: Command

  static func read() async throws -> Command {
    let text = try await ExampleStage.withoutBase().succeed("monorail-overlay --experimental-dump-help")
    return try JSONDecoder().decode(ToolHelp.self, from: Data(text.utf8)).command
  }
}
