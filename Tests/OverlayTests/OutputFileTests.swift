import Foundation
import Testing

@testable import Overlay

@Suite struct OutputFileTests {
  /// As /proc/self/status has it: "0022".
  private var umaskOfThisProcess: String {
    get throws {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Umask:") })
      return String(line.split(separator: "\t")[1])
    }
  }

  /// The mask belongs to the process: to ask for it with umask(2) changes it for all threads.
  @Test func manyThreadsLeaveTheUmaskAsItIs() throws {
    let scratch = try ScratchDirectory()
    let mask = try umaskOfThisProcess
    let usual = 0o666 & ~(try #require(Int(mask, radix: 8)))
    DispatchQueue.concurrentPerform(iterations: 2000) { [directory = scratch.path] number in
      try? OutputFile("\(directory)/\(number)").finish()
    }
    #expect(try umaskOfThisProcess == mask)
    let permissions = try FileManager.default.contentsOfDirectory(atPath: scratch.path).map {
      try FileManager.default.attributesOfItem(atPath: scratch($0))[.posixPermissions] as? Int
    }
    #expect(permissions.count == 2000)
    #expect(Set(permissions) == [usual])
  }

  @Test func replacesAFileOnlyIfItMay() throws {
    let scratch = try ScratchDirectory()
    let (first, second) = (try OutputFile(scratch("x")), try OutputFile(scratch("x")))
    try first.write(Array("first".utf8)[...])
    try second.write(Array("second".utf8)[...])
    try first.finish(replacing: false)
    #expect(throws: OverlayError.self) { try second.finish(replacing: false) }
    #expect(try String(contentsOfFile: scratch("x"), encoding: .utf8) == "first")
    try second.finish()
    #expect(try String(contentsOfFile: scratch("x"), encoding: .utf8) == "second")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["x"])
  }
}
