import ArgumentParser
import Overlay

@main
struct MonorailOverlay: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monorail-overlay",
    abstract: "Makes, changes, checks and publishes overlays.",
    discussion: """
      An overlay is a newc cpio archive that a node lays over its base image. Every
      overlay brings the agent along; "pack" puts it in.

      "monorail-overlay --generate-completion-script bash" (or zsh, fish) prints the
      shell's completions.
      """,
    subcommands: [
      BuildCommand.self,
      PackCommand.self,
      UnpackCommand.self,
      ListCommand.self,
      ExplainCommand.self,
      DiffCommand.self,
      MergeCommand.self,
      ShellCommand.self,
      VerifyCommand.self,
      PublishCommand.self,
    ])

  static func main() {
    var command: any ParsableCommand
    do {
      try Surroundings.prepare()
      command = try parseAsRoot()
    } catch let error as OverlayError {
      Terminal.say(error.description)
      exit(withError: ExitCodes.failure)
    } catch {
      explain(error)
    }
    do {
      try command.run()
    } catch let error as OverlayError {
      Terminal.say(error.description)
      exit(withError: ExitCodes.failure)
    } catch {
      exit(withError: error)
    }
  }

  /// Ends the program because of its arguments.
  private static func explain(_ error: any Error) -> Never {
    let (error, hint) = UsageHints.explain(error, Array(CommandLine.arguments.dropFirst()))
    guard let hint else { exit(withError: error) }
    var lines = fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    lines.insert(hint, at: min(1, lines.count))
    Terminal.show(lines.joined(separator: "\n") + "\n")
    exit(withError: ExitCode.validationFailure)
  }
}
