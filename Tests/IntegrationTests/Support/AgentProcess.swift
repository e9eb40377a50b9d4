import Foundation
@_exported import TestSupport

/// The real agent, alone or behind a wrapper (`strace -D`, `chroot`) that becomes the agent. Its log is its stderr.
typealias AgentProcess = ChildProcess

extension AgentProcess {
  /// The program under test: what `MONORAIL_AGENT` names, else the one that was built together with these tests.
  static let program: String = {
    if let path = ProcessInfo.processInfo.environment["MONORAIL_AGENT"], !path.isEmpty {
      return URL(filePath: path).path
    }
    return BuiltPrograms.path("monorail-agent")
  }()

  /// What it has logged so far.
  var log: String { errors }

  /// Waits until its log contains the words.
  func waitForLog(_ words: String, _ limit: Duration = .seconds(60)) async throws {
    try await waitForErrors(words, limit)
  }

  /// Kills it as a crash would, and waits until it is gone.
  func crash() async throws {
    signal(SIGKILL)
    _ = try await wait()
  }
}

/// Runs a tool to its end.
///
/// - Throws: `Failure` with its stderr when it fails.
func run(_ command: String..., in directory: String) async throws {
  let result = try await ChildProcess(command, in: directory).result()
  guard result.end == .exited(0) else { throw Failure("\(command.joined(separator: " ")): \(result.errors)") }
}
