import Foundation
import Synchronization
@_exported import TestSupport

/// A program that runs while the test goes on.
final class Command: Sendable {
  struct End: Sendable {
    let status: Int32
    let output: String
    let errors: String
  }

  private let process: ChildProcess
  private let readLines = Mutex(0)

  static var mockProgram: String { BuiltPrograms.path("monorail-mock") }

  /// - Parameter program: its path; `monorail-mock` of this build when none is given.
  init(_ arguments: [String], program: String? = nil) throws {
    process = try ChildProcess([program ?? Self.mockProgram] + arguments)
  }

  static func run(_ arguments: [String], program: String? = nil) async -> End {
    do {
      return try await Command(arguments, program: program).end()
    } catch {
      return End(status: -1, output: "", errors: "\(error)")
    }
  }

  /// The most memory that it has had resident so far, in bytes.
  func peakMemory() throws -> Int { try process.peakMemory }

  /// The processor time that it has used so far, in clock ticks (a hundredth of a second each).
  func processorTicks() throws -> Int { try process.processorTicks() }

  func send(_ signal: Int32) { process.signal(signal) }

  /// The first line that it prints; at the next call the second one, and so on. Empty when the program ends without it.
  func firstLine() async -> String {
    let index = readLines.withLock { count in
      defer { count += 1 }
      return count
    }
    let line: String? = try? await eventually("a line of the output") { () -> String? in
      let hasEnded = self.process.hasEnded
      // What follows the last line break is no whole line.
      let lines = self.process.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      if lines.indices.contains(index) { return String(lines[index]) }
      return hasEnded ? "" : nil
    }
    return line ?? ""
  }

  /// Waits for its end. A status of -1 says that it did not end, and `errors` what it was doing.
  func end() async -> End {
    do {
      let result = try await process.result(within: .seconds(120))
      return End(status: result.code, output: result.output, errors: result.errors)
    } catch {
      return End(status: -1, output: "", errors: "\(error)")
    }
  }
}
