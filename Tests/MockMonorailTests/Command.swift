import Foundation

/// A program that runs beside the test.
final class Command: Sendable {
  struct End: Sendable {
    let status: Int32
    let output: String
    let errors: String
  }

  private let process = Process()
  private let output = Pipe()
  private let errors = Pipe()

  /// - Parameter program: its path; `monorail-mock` of this build when none is given.
  init(_ arguments: [String], program: String? = nil) throws {
    let build = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let mock = URL(fileURLWithPath: build).deletingLastPathComponent().appendingPathComponent("monorail-mock")
    process.executableURL = program.map { URL(fileURLWithPath: $0) } ?? mock
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
  }

  static func run(_ arguments: [String], program: String? = nil) async -> End {
    do {
      return try await Command(arguments, program: program).end()
    } catch {
      return End(status: -1, output: "", errors: "\(error)")
    }
  }

  /// The most memory that it has had resident so far, in bytes.
  func peakMemory() throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// The first line that it prints.
  func firstLine() async -> String {
    await onThread {
      var line: [UInt8] = []
      while let byte = try? self.output.fileHandleForReading.read(upToCount: 1)?.first, byte != 10 { line.append(byte) }
      return String(decoding: line, as: UTF8.self)
    }
  }

  /// Waits for its end.
  func end() async -> End {
    async let output = text(of: output)
    async let errors = text(of: errors)
    let texts = await (output, errors)
    let status = await onThread {
      self.process.waitUntilExit()
      return self.process.terminationStatus
    }
    return End(status: status, output: texts.0, errors: texts.1)
  }

  private func text(of pipe: Pipe) async -> String {
    await onThread { String(decoding: (try? pipe.fileHandleForReading.readToEnd()) ?? Data(), as: UTF8.self) }
  }

  /// Runs something that blocks on a thread of its own: the tests' own pool has one thread a core.
  private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: body()) }
    }
  }
}
