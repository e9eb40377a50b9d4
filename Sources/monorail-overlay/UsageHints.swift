import ArgumentParser

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
    let nearest = names.map { (name: $0, distance: distance(word, $0)) }.min { $0.distance < $1.distance }
    if let nearest, nearest.distance <= 2 { return "Did you mean \"\(nearest.name)\"?" }
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

  /// How many letters must be changed, added, removed, or exchanged with their neighbor, to make one word of the other.
  static func distance(_ one: String, _ other: String) -> Int {
    let (left, right) = (Array(one.utf8), Array(other.utf8))
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var rows = [Array(0...right.count)]
    for row in 1...left.count {
      rows.append([row])
      for column in 1...right.count {
        let isSame = left[row - 1] == right[column - 1]
        var least = min(
          rows[row - 1][column] + 1, rows[row][column - 1] + 1, rows[row - 1][column - 1] + (isSame ? 0 : 1))
        if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
          least = min(least, rows[row - 2][column - 2] + 1)
        }
        rows[row].append(least)
      }
    }
    return rows[left.count][right.count]
  }
}
