import Foundation
import TestSupport

/// A finished run of the real program in a directory of the test's own.
struct ToolRun {
  /// Its exit code, or the negative number of the signal that ended it.
  let status: Int32
  let output: String
  let errors: String

  var lines: [String] { output.split(separator: "\n").map(String.init) }

  /// The `monorail-overlay` that was built together with these tests.
  static let program = BuiltPrograms.path("monorail-overlay")

  /// - Parameters:
  ///   - environment: variables that the program gets in addition to PATH.
  ///   - program: another program to run with these arguments.
  init(
    _ arguments: [String], in directory: String, environment: [String: String] = [:], program: String = program
  ) throws {
    let result = try ChildProcess.run(
      [program] + arguments, environment: ChildProcess.environment.merging(environment) { $1 }, in: directory)
    (output, errors) = (result.output, result.errors)
    switch result.end {
    case .exited(let code): status = code
    case .signaled(let signal): status = -signal
    }
  }
}

/// A directory in which a test runs the program.
typealias ToolScratch = ScratchDirectory

extension ToolScratch {
  /// Runs the program.
  func tool(_ arguments: String..., environment: [String: String] = [:]) throws -> ToolRun {
    try ToolRun(arguments, in: path, environment: environment)
  }

  /// Runs a shell script that must succeed; `$tool` is the program.
  func shell(_ script: String, environment: [String: String] = [:]) throws {
    let run = try ToolRun(
      ["-euc", script], in: path, environment: environment.merging(["tool": ToolRun.program]) { given, _ in given },
      program: "/bin/sh")
    guard run.status == 0 else { throw Failure("\(script)\nfailed: \(run.errors)") }
  }
}
