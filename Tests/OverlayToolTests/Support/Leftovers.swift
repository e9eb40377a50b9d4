import Foundation
import Testing

/// What a program that was ended leaves on the machine.
enum Leftovers {
  /// Waits until the machine has no mount, loop device or process that names this directory any more.
  static func expectNone(of directory: String, _ location: SourceLocation = #_sourceLocation) async throws {
    do {
      _ = try await eventually("nothing to be left") { leftovers(of: directory).isEmpty ? true : nil }
    } catch {
      Issue.record("left: \(leftovers(of: directory))", sourceLocation: location)
    }
  }

  private static func leftovers(of directory: String) -> [String] {
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
