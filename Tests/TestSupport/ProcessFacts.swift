import Foundation

// What the kernel says of a process: proc(5).
extension ChildProcess {
  /// The most memory that was resident at once, in bytes.
  public var peakMemory: Int {
    get throws {
      guard let size = try status("VmHWM").first.flatMap({ Int($0) }) else {
        throw Failure("no VmHWM for process \(pid)")
      }
      return size << 10
    }
  }

  /// Whether a signal was sent to it that it has not taken yet.
  public var hasPendingSignals: Bool {
    ["ShdPnd", "SigPnd"].contains { name in
      ((try? status(name)) ?? []).contains { $0.contains { $0 != "0" } }
    }
  }

  /// The processor time that it has used, in clock ticks (a hundredth of a second each).
  public func processorTicks() throws -> Int {
    let fields = statFields(of: pid)
    guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
      throw Failure("no times for process \(pid)")
    }
    return user + system
  }

  /// What each of its open descriptors is.
  public var descriptors: [String] {
    let directory = "/proc/\(pid)/fd"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)") }
  }

  /// The processes that it has started and not collected.
  public var children: [pid_t] { Self.children(of: pid) }

  public static func children(of process: pid_t) -> [pid_t] {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    return threads.flatMap { thread in
      let text = try? String(contentsOfFile: "/proc/\(process)/task/\(thread)/children", encoding: .utf8)
      return (text ?? "").split(separator: " ").compactMap { pid_t($0) }
    }
  }

  /// Waits until it has stopped itself.
  public func waitUntilStopped() async throws {
    try await eventually("process \(pid) to stop") { statFields(of: self.pid).first == "T" ? () : nil }
  }

  /// The words of a line of its `status`.
  private func status(_ name: String) throws -> [Substring] {
    let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
    return Array((line ?? "").split(whereSeparator: \.isWhitespace).dropFirst())
  }
}

/// Whether there is such a process and it has not ended: a zombie has.
public func isRunning(_ pid: pid_t) -> Bool {
  guard let state = statFields(of: pid).first else { return false }
  return state != "Z" && state != "X"
}

/// Kills every process whose current directory is below that one: commands that a test which failed has left waiting.
public func endProcesses(in directory: String) {
  let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  for pid in entries.compactMap({ pid_t($0) }) {
    let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")
    if place?.hasPrefix(directory + "/") == true { kill(pid, SIGKILL) }
  }
}

/// The fields of a process's `stat` from the third one on, its state. The second one, its name, may hold blanks.
private func statFields(of pid: pid_t) -> [Substring] {
  let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
  return text?.split(separator: ")").last?.split(whereSeparator: \.isWhitespace) ?? []
}
