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
      PackCommand.self,
      UnpackCommand.self,
      ListCommand.self,
      DiffCommand.self,
      MergeCommand.self,
      ShellCommand.self,
      VerifyCommand.self,
      PublishCommand.self,
    ])

  static func main() {
    do {
      try Surroundings.prepare()
      var command = try parseAsRoot()
      try command.run()
    } catch let error as OverlayError {
      Terminal.say(error.description)
      exit(withError: ExitCodes.failure)
    } catch {
      exit(withError: error)
    }
  }
}
