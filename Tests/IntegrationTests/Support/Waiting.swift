import Foundation

/// What a test could not do; not what it found.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Looks until there is a value, and gives up after a time.
///
/// This is for what nobody announces: a file that appears, a process that ends, a line in a log.
///
/// - Throws: `Failure` with `what` and the explanation.
func eventually<Value>(
  _ what: String, within limit: Duration = .seconds(30), explanation: () -> String = { "" },
  _ look: () throws -> Value?
) async throws -> Value {
  let end = ContinuousClock.now + limit
  while true {
    if let value = try look() { return value }
    guard ContinuousClock.now < end else { throw Failure("waited \(limit) for \(what); \(explanation())") }
    try await Task.sleep(for: .milliseconds(10))
  }
}

/// Runs a tool to its end.
///
/// - Throws: `Failure` with its stderr when it fails.
func run(_ command: String..., in directory: String) async throws {
  let process = try AgentProcess(
    command, environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
    logPath: "\(directory)/tool-\(UUID().uuidString).log")
  guard try await process.wait(.seconds(60)) == .exited(0) else {
    throw Failure("\(command.joined(separator: " ")): \(process.log)")
  }
}
