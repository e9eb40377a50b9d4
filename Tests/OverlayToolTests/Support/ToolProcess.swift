import Foundation
@_exported import TestSupport

typealias ToolFailure = Failure

/// A program that runs while the test goes on.
typealias ToolProcess = ChildProcess

extension ToolProcess {
  /// Starts a program in a directory, in a process group of its own.
  convenience init(
    _ command: [String], environment: [String: String] = [:], in directory: String, input: String = "/dev/null"
  ) throws {
    try self.init(
      command, environment: Self.environment.merging(["TERM": "dumb"].merging(environment) { $1 }) { $1 },
      in: directory, input: input, inNewGroup: true)
  }

  func wait() async throws -> Result { try await result() }
}
