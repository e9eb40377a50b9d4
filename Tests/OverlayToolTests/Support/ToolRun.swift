import Foundation

/// A run of the real program, in a test's own directory, to its end.
struct ToolRun {
  let status: Int32
  let output: String
  let errors: String

  var lines: [String] { output.split(separator: "\n").map(String.init) }

  /// The `monorail-overlay` that was built together with these tests.
  static let program: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: tests).deletingLastPathComponent().appending(path: "monorail-overlay").path
  }()

  /// - Parameters:
  ///   - environment: added to PATH, which is all that there is otherwise.
  ///   - program: run instead of the real one, with its arguments.
  init(
    _ arguments: [String], in directory: String, environment: [String: String] = [:], program: String = program
  ) throws {
    // Files, not pipes: nobody need read them meanwhile.
    let names = ["out", "err"].map { "\(NSTemporaryDirectory())overlay-tool.\($0)-\(UUID().uuidString)" }
    defer { for name in names { unlink(name) } }
    let files = try names.map { name in
      _ = FileManager.default.createFile(atPath: name, contents: nil)
      return try FileHandle(forWritingTo: URL(filePath: name))
    }
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: directory)
    process.environment = environment.merging(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]) { given, _ in given }
    process.standardInput = FileHandle.nullDevice
    (process.standardOutput, process.standardError) = (files[0], files[1])
    try process.run()
    process.waitUntilExit()
    status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    output = try String(decoding: Data(contentsOf: URL(filePath: names[0])), as: UTF8.self)
    errors = try String(decoding: Data(contentsOf: URL(filePath: names[1])), as: UTF8.self)
  }
}

/// A directory of a test's own, gone with it.
final class ToolScratch {
  let path: String

  struct Failure: Error { let reason: String }

  init(in parent: String = NSTemporaryDirectory()) throws {
    var template = Array("\(parent)overlay-tool.XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failure(reason: "cannot make a temporary directory") }
    path = String(cString: made)
  }

  // Not FileManager's removeItem, which stops at paths longer than PATH_MAX.
  deinit { _ = try? ToolRun(["-rf", path], in: "/", program: "/bin/rm") }

  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  /// Runs the program.
  func tool(_ arguments: String..., environment: [String: String] = [:]) throws -> ToolRun {
    try ToolRun(arguments, in: path, environment: environment)
  }

  /// Runs a shell script that must succeed; `$tool` is the program.
  func shell(_ script: String, environment: [String: String] = [:]) throws {
    let run = try ToolRun(
      ["-euc", script], in: path, environment: environment.merging(["tool": ToolRun.program]) { given, _ in given },
      program: "/bin/sh")
    guard run.status == 0 else { throw Failure(reason: "\(script)\nfailed: \(run.errors)") }
  }
}
