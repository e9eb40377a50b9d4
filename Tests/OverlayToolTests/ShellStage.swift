import CLinux
import Foundation
import Testing

/// A directory with a small base image and an overlay, for tests of `monorail-overlay shell`.
final class ShellStage {
  let directory: String

  /// The program that was built together with these tests.
  static let program: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: tests).deletingLastPathComponent().appending(path: "monorail-overlay").path
  }()

  /// Whether this machine lets a test mount things.
  static let isPossible = geteuid() == 0 && FileManager.default.fileExists(atPath: "/dev/loop-control")

  var base: String { path("base.img") }
  var overlay: String { path("x.overlay.cpio.gz") }

  /// - Parameters:
  ///   - base: shell commands that change what goes into the base image, in its root.
  ///   - overlay: shell commands that make what goes into the overlay, in its root; `nil` for no overlay.
  init(base: String = ":", overlay: String? = "mkdir etc; echo own >etc/own") async throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "shell-test-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try await host(
      """
      mkdir base && cd base
      mkdir -p bin etc root data/sub usr/sbin var/cache/apt var/lib/dpkg/info
      cp "$(command -v busybox)" bin/busybox
      chroot . /bin/busybox --install -s /bin
      echo one >data/one; echo two >data/two; echo s >data/sub/s; ln -s one data/link
      echo base >etc/hostname; echo cached >var/cache/apt/base.bin; : >var/lib/dpkg/status
      \(base)
      cd .. && mksquashfs base base.img -quiet -no-progress -noI -noD -noF -noX >/dev/null && rm -r base
      """)
    guard let overlay else { return }
    try await host("mkdir tree && cd tree && \(overlay)")
    try await tool("pack", path("tree"), "-o", self.overlay, "--no-required", "--mtime", "keep", "--owner", "keep")
    try await host("rm -r tree")
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// What `shell` is called with for a command in a POSIX shell.
  func arguments(
    _ script: String, options: [String] = [], on overlay: String? = nil
  ) -> [String] {
    [Self.program, "shell", "--base", base] + options + [overlay ?? self.overlay, "--", "sh", "-c", script]
  }

  /// Runs a script in the workspace.
  @discardableResult
  func shell(_ script: String, options: [String] = [], on overlay: String? = nil) async throws -> ToolProcess.Result {
    try await start(script, options: options, on: overlay).wait()
  }

  func start(
    _ script: String, options: [String] = [], on overlay: String? = nil, environment: [String: String] = [:]
  ) throws -> ToolProcess {
    try ToolProcess(
      arguments(script, options: options, on: overlay), environment: environment, in: directory)
  }

  /// Runs the program, which must succeed.
  @discardableResult
  func tool(_ arguments: String...) async throws -> String {
    let result = try await ToolProcess([Self.program] + arguments, in: directory).wait()
    guard result.code == 0 else { throw ToolFailure("\(arguments): \(result.errors)") }
    return result.output
  }

  /// Runs a script on this machine, in the stage's directory; it must succeed.
  @discardableResult
  func host(_ script: String) async throws -> String {
    let result = try await ToolProcess(["/bin/sh", "-euc", script], in: directory).wait()
    guard result.code == 0 else { throw ToolFailure("\(script): \(result.errors)") }
    return result.output
  }

  /// The names in an archive, with a `!` before whiteouts.
  func names(in archive: String? = nil) async throws -> [String] {
    try await tool("list", archive ?? overlay).split(separator: "\n").map { line in
      let words = line.split(separator: " ")
      return words.last == "(whiteout)"
        ? "!\(words[words.count - 2])" : line.hasPrefix("l") ? "\(words[words.count - 3])" : "\(words.last ?? "")"
    }
  }

  func contents(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: path(name))) }

  /// What is in the stage's directory, its outputs aside.
  var files: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.filter { !$0.hasPrefix("output-") }.sorted()
  }

  /// Waits until the machine has no mount, loop device or process of this stage any more.
  func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) async throws {
    do {
      _ = try await eventually("nothing to be left") { self.leftovers.isEmpty ? true : nil }
    } catch {
      Issue.record("left: \(leftovers)", sourceLocation: location)
    }
  }

  private var leftovers: [String] {
    let manager = FileManager.default
    func text(_ path: String) -> String {
      String(decoding: manager.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
    let mounts = text("/proc/self/mountinfo").split(separator: "\n").filter { $0.contains(directory) }.map(String.init)
    let devices = ((try? manager.contentsOfDirectory(atPath: "/sys/block")) ?? []).filter {
      text("/sys/block/\($0)/loop/backing_file").contains(directory)
    }
    let processes = ((try? manager.contentsOfDirectory(atPath: "/proc")) ?? []).filter { name in
      guard Int(name) != nil else { return false }
      return text("/proc/\(name)/cmdline").contains(directory) || text("/proc/\(name)/mountinfo").contains(directory)
    }
    return mounts + devices + processes.map { "process \($0): \(text("/proc/\($0)/cmdline"))" }
  }
}

struct ToolFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Looks until there is a value, and gives up after a time.
func eventually<Value>(
  _ what: String, within limit: Duration = .seconds(60), _ look: () throws -> Value?
) async throws -> Value {
  let end = ContinuousClock.now + limit
  while true {
    if let value = try look() { return value }
    guard ContinuousClock.now < end else { throw ToolFailure("waited \(limit) for \(what)") }
    try await Task.sleep(for: .milliseconds(20))
  }
}

/// A program that a test runs, with its outputs in files.
final class ToolProcess {
  struct Result {
    /// Its exit code; 128 and the signal's number when a signal ended it.
    var code: Int32
    var output: String
    var errors: String
  }

  let pid: pid_t
  private let outputs: String
  private var ended: Int32?

  init(
    _ command: [String], environment: [String: String] = [:], in directory: String, input: String = "/dev/null"
  ) throws {
    outputs = "\(directory)/output-\(UUID().uuidString)"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDWR, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, outputs + ".out", O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, outputs + ".err", O_WRONLY | O_CREAT, 0o600)
    // Nothing of the tests' own, above all not the mock's sockets.
    monorail_spawn_closing_from(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    let environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb"].merging(environment) { $1 }
    // In the stage's directory, so that relative names and stray files belong to it.
    let command = ["/usr/bin/env", "-C", directory] + command
    let arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    let variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var child: pid_t = 0
    let error = posix_spawn(&child, command[0], &actions, &attributes, arguments, variables)
    guard error == 0 else { throw ToolFailure("cannot start \(command[0]): \(String(cString: strerror(error)))") }
    pid = child
  }

  deinit {
    if !hasEnded {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
  }

  var output: String { Self.text(outputs + ".out") }
  var errors: String { Self.text(outputs + ".err") }

  private var hasEnded: Bool {
    if ended == nil {
      var status: Int32 = 0
      if waitpid(pid, &status, WNOHANG) == pid {
        ended = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
      }
    }
    return ended != nil
  }

  func wait() async throws -> Result {
    let code = try await eventually("the end of process \(pid)") { self.hasEnded ? self.ended : nil }
    return Result(code: code, output: output, errors: errors)
  }

  func signal(_ number: Int32) { kill(pid, number) }

  func waitForOutput(_ words: String) async throws {
    try await eventually("\"\(words)\" in the output") { self.output.contains(words) ? () : nil }
  }

  /// Waits until it has stopped itself.
  func waitUntilStopped() async throws {
    try await eventually("process \(pid) to stop") {
      let stat = Self.text("/proc/\(self.pid)/stat")
      return stat.split(separator: ")").last?.hasPrefix(" T") == true ? () : nil
    }
  }

  /// The processes that it has started.
  var children: [pid_t] { Self.children(of: pid) }

  static func children(of process: pid_t) -> [pid_t] {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    return threads.flatMap {
      text("/proc/\(process)/task/\($0)/children").split(separator: " ").compactMap { pid_t($0) }
    }
  }

  private static func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }
}
