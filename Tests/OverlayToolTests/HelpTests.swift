import Testing

struct HelpTests {
  @Test func `Every command says what it does, how to call it, and how it ends`() async throws {
    let commands = try #require(try await ToolHelp.read().subcommands).filter { $0.commandName != "help" }
    #expect(
      commands.map(\.commandName).sorted() == [
        "build", "diff", "explain", "list", "merge", "pack", "publish", "shell", "unpack", "verify",
      ])
    for command in commands {
      let discussion = command.discussion ?? ""
      #expect(command.abstract?.hasSuffix(".") == true, "\(command.commandName)")
      #expect(discussion.contains("\n  monorail-overlay \(command.commandName) "), "\(command.commandName): no example")
      #expect(discussion.contains("EXIT CODES"), "\(command.commandName)")
      for argument in command.arguments ?? [] {
        #expect(argument.abstract?.hasSuffix(".") == true, "\(command.commandName): an argument is not explained")
      }
    }
  }

  /// The text is laid out by hand. A terminal would break a longer line in the middle.
  @Test func `Help fits a terminal of 80 columns`() async throws {
    let command = try await ToolHelp.read()
    for command in [command] + (command.subcommands ?? []) {
      let long = (command.discussion ?? "").split(separator: "\n").map(String.init).filter { $0.count >= 80 }
      #expect(long.isEmpty, "\(command.commandName)")
    }
  }

  @Test(arguments: ["--help", "help shell", "shell --help"])
  func `Help goes to the standard output, with the code 0`(arguments: String) async throws {
    let text = try await ExampleStage.withoutBase().succeed("monorail-overlay \(arguments) 2>/dev/null")
    #expect(text.contains("USAGE: monorail-overlay "))
  }

  @Test(arguments: [
    "no-such-command", "pack", "pack tree -o x --compression lzma", "pack tree -o x --level 10 --compression xz",
    "verify",
  ])
  func `Wrong usage ends with 64 and says what is right`(arguments: String) async throws {
    let result = try await ExampleStage.withoutBase().run("monorail-overlay \(arguments)")
    #expect(result.code == 64)
    #expect(result.text.contains("Usage: monorail-overlay"))
  }
}
