import CLinux
import Glibc
import SystemFiles

/// Runs a program of the system, and hands out what the program writes to its standard output.
enum ToolOutput {
  /// - Parameters:
  ///   - command: the program, looked up in `PATH`, and its arguments; bytes, as names of files are.
  ///   - install: the Debian package that has the program.
  ///   - take: gets the output in pieces.
  /// - Throws: when the program does not end with 0, an error with the last line of its standard error; and what `take`
  ///   throws. In both cases the program has ended.
  static func read(
    _ command: [[UInt8]], install: String, take: (UnsafeRawBufferPointer) throws(OverlayError) -> Void
  ) throws(OverlayError) {
    let name = OverlayPath.printable(command.first ?? [])
    let output = try Pipe()
    let complaints = try Pipe()
    let child = try spawn(command, name, install, output: output.writing, complaints: complaints.writing)
    output.closeWriting()
    complaints.closeWriting()
    var said: [UInt8] = []
    var failure: OverlayError?
    do throws(OverlayError) {
      try drain(output.reading, complaints.reading) { isOutput, bytes throws(OverlayError) in
        if isOutput { return try take(bytes) }
        said = Array((said + bytes).suffix(2000))
      }
    } catch {
      failure = error
      kill(child, SIGKILL)
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    if let failure { throw failure }
    guard status != 0 else { return }
    let reason = said.split(separator: UInt8(ascii: "\n")).last.map { OverlayPath.printable($0) }
    let end = status & 0x7F == 0 ? "exit code \(status >> 8 & 0xFF)" : "signal \(status & 0x7F)"
    throw OverlayError("\(name) failed with \(end)" + (reason.map { ": \($0)" } ?? ""))
  }

  /// Both ends of a pipe; no other program inherits them.
  private final class Pipe {
    let reading: Int32
    private(set) var writing: Int32

    init() throws(OverlayError) {
      var ends: [Int32] = [-1, -1]
      guard monorail_make_pipe(&ends) == 0 else { throw .system("make a pipe") }
      (reading, writing) = (ends[0], ends[1])
    }

    func closeWriting() {
      if writing >= 0 { close(writing) }
      writing = -1
    }

    deinit {
      closeWriting()
      close(reading)
    }
  }

  private static func spawn(
    _ command: [[UInt8]], _ name: String, _ install: String, output: Int32, complaints: Int32
  ) throws(OverlayError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO)
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let variables = ["LC_ALL=C", "TZ=UTC", "PATH=\(path.isEmpty ? "" : path + ":")/usr/sbin:/usr/bin:/sbin:/bin"]
    let arguments: [UnsafeMutablePointer<CChar>?] = command.map { word in
      (word + [0]).withUnsafeBytes { $0.baseAddress.flatMap { strdup($0.assumingMemoryBound(to: CChar.self)) } }
    }
    let environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) }
    defer { for text in arguments + environment { free(text) } }
    var child: pid_t = 0
    let error = posix_spawnp(
      &child, name, &actions, nil, arguments + [nil], environment + [nil])
    guard error != ENOENT else {
      throw OverlayError("cannot run \(name): it is not installed; install the package \(install)")
    }
    guard error == 0 else { throw OverlayError(SystemError("run \(name)", errno: error)) }
    return child
  }

  /// Reads both until both have ended.
  private static func drain(
    _ output: Int32, _ complaints: Int32, _ take: (Bool, UnsafeRawBufferPointer) throws(OverlayError) -> Void
  ) throws(OverlayError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { buffer.deallocate() }
    var ends = [
      pollfd(fd: output, events: Int16(POLLIN), revents: 0), pollfd(fd: complaints, events: Int16(POLLIN), revents: 0),
    ]
    while ends.contains(where: { $0.fd >= 0 }) {
      guard poll(&ends, nfds_t(ends.count), -1) >= 0 else {
        if errno == EINTR { continue }
        throw .system("wait for a program's output")
      }
      for index in ends.indices where ends[index].fd >= 0 && ends[index].revents != 0 {
        let count = Glibc.read(ends[index].fd, buffer.baseAddress, buffer.count)
        if count > 0 {
          try take(index == 0, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        } else if count == 0 || errno != EINTR {
          ends[index].fd = -1
        }
      }
    }
  }
}
