import ArgumentParser
import Glibc
import Overlay

/// Checks and repairs what the program was started with: open streams, the terminal's width, arguments.
enum Surroundings {
  static func prepare() throws {
    openStandardStreams()
    widenTerminal()
    try checkArguments()
  }

  /// A file that is opened later must not get the number of a stream that was closed: messages would go into the archive.
  private static func openStandardStreams() {
    // Reading from stdin ends at once. stdout is opened for reading, so that writing to it fails as on a closed stream.
    for (descriptor, mode) in [(STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)]
    where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", mode)
    }
  }

  /// ArgumentParser lays help out in columns, and ends the program when there is no room for the second one.
  private static func widenTerminal() {
    let narrowest = 40
    var size = winsize()
    let reported = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : nil
    let given = getenv("COLUMNS").flatMap { Int(String(cString: $0)) }
    guard let width = given ?? reported, width < narrowest else { return }
    setenv("COLUMNS", "\(narrowest)", 1)
  }

  /// Swift replaces bytes that are not UTF-8 in arguments: the program would read or write another file than the named one.
  private static func checkArguments() throws {
    // Swift reads them from /proc. Without /proc there seem to be none, and every command would print the help and succeed.
    guard CommandLine.argc > 0 else {
      throw OverlayError("cannot read its own arguments: mount /proc, as in \"mount -t proc proc /proc\"")
    }
    for index in 1..<Int(CommandLine.argc) {
      guard let argument = CommandLine.unsafeArgv[index], String(validatingCString: argument) == nil else { continue }
      let bytes = UnsafeBufferPointer(start: argument, count: strlen(argument)).map { UInt8(bitPattern: $0) }
      throw ValidationError(
        "\"\(OverlayPath.printable(bytes))\" is not UTF-8; what is in an overlay may have such names, the files and"
          + " directories given here must not")
    }
  }

  /// The program's environment.
  static var environment: [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
      next += 1
    }
    return variables
  }
}
