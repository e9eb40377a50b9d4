import ArgumentParser

/// How the program ends.
enum ExitCodes {
  /// Archives differ, or have errors.
  static let findings = ExitCode(1)
  /// It could not be done.
  static let failure = ExitCode(2)
  /// The workspace of `shell` failed; other codes are those of its command.
  static let workspaceFailure = ExitCode(125)

  static let help = """
    EXIT CODES
      0 done; 1 differences or errors were found; 2 it could not be done;
      64 wrong usage
    """
}
