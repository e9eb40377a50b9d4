import Foundation
@_exported import TestSupport
import Testing

/// The shells that rc.local must run under.
enum Shell: String, CaseIterable, CustomTestStringConvertible {
  /// The machine's `sh`; on Debian dash.
  case system
  case busybox

  var command: [String] { self == .system ? ["/bin/sh"] : ["/bin/busybox", "sh"] }

  var testDescription: String { rawValue }
}

/// A directory that rc.local takes for a node: it has a fake agent, a file as sysrq trigger, a fake `ipmitool`, and a
/// `sleep` that does not sleep.
final class Node {
  private let scratch: ScratchDirectory
  let shell: Shell

  var directory: URL { URL(filePath: scratch.path) }

  /// The file to which the fake agent, hooks, `ipmitool` and `sleep` write a line at each call.
  private var calls: URL { directory.appending(path: "calls") }
  private var sysrq: URL { directory.appending(path: "sysrq") }

  /// - Parameter agent: a shell script that plays the agent; `nil` for a node without an agent.
  init(_ shell: Shell, agent: String?) throws {
    self.shell = shell
    scratch = try ScratchDirectory()
    let programs = directory.appending(path: "bin")
    try FileManager.default.createDirectory(at: programs, withIntermediateDirectories: true)
    // rc.local starts its supervisor with the `sh` that it finds.
    try install("bin/sh", "exec \(shell.command.joined(separator: " ")) \"$@\"")
    // The real `sync` would flush the disks of the machine that runs the tests, which can take long.
    try install("bin/sync", "exit 0")
    try install("ipmitool", record("ipmitool $*"))
    try install("sleep", record("sleep $*"))
    if let agent { try install("agent", record("agent $*") + "\n" + agent) }
  }

  /// A line of shell that notes one call.
  func record(_ call: String) -> String { "echo \"\(call)\" >>'\(calls.path)'" }

  /// Writes a shell script into the node's directory.
  func install(_ name: String, _ script: String, executable: Bool = true) throws {
    let file = directory.appending(path: name).path
    // A shell writes it, not this process: a child that another test starts at the same moment would inherit the open
    // file, and the kernel runs no file that is open for writing (ETXTBSY).
    let write = "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\" && chmod \"$3\" \"$1\""
    let run = try ChildProcess.run(["/bin/sh", "-c", write, "sh", file, script, executable ? "755" : "644"])
    try #require(run.end == .exited(0))
  }

  /// Makes a named pipe in the node's directory.
  func makePipe(_ name: String) throws -> String {
    let path = directory.appending(path: name).path
    try #require(mkfifo(path, 0o600) == 0)
    return path
  }

  /// Starts the real rc.local and waits until it has returned, not until its supervisor has ended.
  func boot(_ environment: [String: String] = [:]) throws -> Boot {
    let redirected = [
      "RC_AGENT": "agent", "RC_HOOKS": "hooks", "RC_RUN_DIR": "run", "RC_SYSRQ": "sysrq", "RC_IPMITOOL": "ipmitool",
      "RC_SLEEP": "sleep",
    ]
    let environment =
      redirected.mapValues { directory.appending(path: $0).path }
      .merging(["PATH": "\(directory.path)/bin:/usr/bin:/bin", "RC_CONSOLE": "-"]) { $1 }
      .merging(environment) { $1 }
    let output = try makePipe("output-\(UUID().uuidString)")
    let console = try openPipe(output)
    let run = try ChildProcess.run(
      shell.command + [Repository.path("rc.local")], environment: environment, output: output, errorsToOutput: true)
    return Boot(status: run.code, console: console)
  }

  /// The calls made so far, in order.
  func recordedCalls() -> [String] { lines(of: calls) }

  /// The letters written to the sysrq trigger so far.
  func sysrqLetters() -> String { lines(of: sysrq).joined() }

  private func lines(of file: URL) -> [String] {
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").map(String.init)
  }
}

/// A run of rc.local that has returned; its supervisor may still run.
struct Boot {
  /// Its exit code, or 128 and the number of the signal that ended it.
  let status: Int32
  let console: FileHandle

  /// Waits until the supervisor and every process that it started have ended, since each of them holds the other end of
  /// the console. Returns what they printed.
  func finish() throws -> String { String(decoding: try console.readToEnd() ?? Data(), as: UTF8.self) }
}

/// Opens a file so that no program inherits it that another test starts.
func openFile(_ path: String, _ flags: Int32) throws -> FileHandle {
  let descriptor = open(path, flags | O_CLOEXEC)
  try #require(descriptor >= 0, "cannot open \(path): \(String(cString: strerror(errno)))")
  return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
}

/// Opens a named pipe for reading. The opening does not wait for a writer; reading waits for data.
func openPipe(_ path: String) throws -> FileHandle {
  let pipe = try openFile(path, O_RDONLY | O_NONBLOCK)
  try #require(fcntl(pipe.fileDescriptor, F_SETFL, 0) == 0)
  return pipe
}
