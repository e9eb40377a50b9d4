import Testing

@testable import Overlay

@Suite struct NewcLimitsTests {
  @Test(arguments: [
    (Entry.Kind.file(size: 0xFFFF_FFFF), nil), (.file(size: 0x1_0000_0000), "less than 4 GiB"),
    (.symlink(target: [UInt8](repeating: 97, count: 4095)), nil),
    (.symlink(target: [UInt8](repeating: 97, count: 4096)), "more than 4095 bytes"),
    (.characterDevice(Entry.DeviceNumber(major: 4095, minor: 1_048_575)), nil),
    (.characterDevice(Entry.DeviceNumber(major: 4096, minor: 0)), "4096:0"),
    (.blockDevice(Entry.DeviceNumber(major: 0, minor: 1_048_576)), "0:1048576"),
  ])
  func refusesWhatTheFormatCannotHold(_ kind: Entry.Kind, _ words: String?) throws {
    let problem = NewcLimits.problem(with: Entry(try OverlayPath("a/b"), kind, permissions: 0o644))
    if let words {
      #expect(problem?.hasPrefix("a/b ") == true && problem?.contains(words) == true, "\(problem ?? "")")
    } else {
      #expect(problem == nil)
    }
  }

  @Test func refusesTheNameThatEndsAnArchive() throws {
    func problem(_ name: String) throws -> String? {
      NewcLimits.problem(with: Entry(try OverlayPath(name), .directory, permissions: 0o755))
    }
    #expect(try problem("TRAILER!!!")?.contains("rename it") == true)
    #expect(try problem("a/TRAILER!!!") == nil)
  }
}
