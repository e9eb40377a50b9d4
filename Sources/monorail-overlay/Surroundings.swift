import ArgumentParser
import Glibc
import Overlay

/// What the program was started with that it, or a library of it, could not work with.
enum Surroundings {
  static func prepare() throws {
    openStandardStreams()
    widenTerminal()
    try checkArguments()
  }

  /// A file that is opened later must not get the number of a stream that was closed: messages would go into the archive.
  private static func openStandardStreams() {
    // Reading from stdin ends at once; writing to stdout fails, as to a closed one.
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

  /// Swift replaces what is not UTF-8 in them: another file would be read or written than the one that was named.
  private static func checkArguments() throws {
    // Swift reads them from /proc: without it every command would be a successful "help".
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
}
