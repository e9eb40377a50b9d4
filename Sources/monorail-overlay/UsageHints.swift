import ArgumentParser
import Recipes

/// What to tell a person whose command line was not understood, where ArgumentParser's own message does not help: it names a
/// missing option and not the misspelled one, and it cannot know that a command's words belong behind `--`.
enum UsageHints {
  /// - Parameters:
  ///   - error: what ArgumentParser threw.
  ///   - arguments: the program's, without its name.
  /// - Returns: the error to show, and a line to show behind its first one.
  static func explain(_ error: any Error, _ arguments: [String]) -> (error: any Error, hint: String?) {
    guard MonorailOverlay.exitCode(for: error) == .validationFailure, let first = arguments.first else {
      return (error, nil)
    }
    if let hint = unknownCommand(first) { return (ValidationError("there is no command \"\(first)\""), hint) }
    let second = errorBehindMissingOption(first, arguments)
    let shown = second ?? error
    guard first == "shell", !arguments.contains("--"), isAboutWords(shown) else { return (shown, nil) }
    let missing = isAboutWords(error) ? "" : " (\(message(error)), too.)"
    return (shown, "Put \"--\" before the command: monorail-overlay shell --base BASE OVERLAY -- COMMAND …\(missing)")
  }

  private static func message(_ error: any Error) -> String { MonorailOverlay.message(for: error) }

  private static func isAboutWords(_ error: any Error) -> Bool {
    let text = message(error)
    return !text.contains("Did you mean")
      && ["Unknown option", "Unexpected argument", " unexpected arguments"].contains { text.contains($0) }
  }

  private static func unknownCommand(_ word: String) -> String? {
    let names = MonorailOverlay.configuration.subcommands.compactMap { $0.configuration.commandName }
    guard !word.hasPrefix("-"), word != "help", !names.contains(word) else { return nil }
    if let meant = Spelling.nearest(to: word, among: names) { return "Did you mean \"\(meant)\"?" }
    return "The commands are: \(names.joined(separator: ", "))."
  }

  /// ArgumentParser says only that a required option is missing, also where it is there but misspelled. With the missing
  /// ones added it says what else is wrong.
  private static func errorBehindMissingOption(_ command: String, _ arguments: [String]) -> (any Error)? {
    let required = ["pack": "--output", "merge": "--output", "shell": "--base"]
    guard let option = required[command] else { return nil }
    var completed = arguments
    // "x" says nothing about a compression.
    completed.insert("\(option)=x", at: 1)
    do { _ = try MonorailOverlay.parseAsRoot(completed) } catch {
      if ["Unknown option", "Unexpected argument", " unexpected arguments"].contains(where: message(error).contains) {
        return error
      }
    }
    return nil
  }
}
