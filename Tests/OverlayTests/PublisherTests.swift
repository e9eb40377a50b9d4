import Digests
import Foundation
import Overlay
import Testing

struct PublisherTests {
  @Test func anArchiveThatChangesMeanwhileIsNotPublished() throws {
    let scratch = try ScratchDirectory()
    let archive = try Self.file("x.cpio.gz", "first", in: scratch)
    let publisher = try Self.publisher(in: scratch)
    _ = try publisher.publish(archive)
    let change: [(String) throws -> Void] = [
      { try Data("other".utf8).write(to: URL(filePath: $0)) },
      { try FileHandle(forWritingTo: URL(filePath: $0)).write(contentsOf: Data("o".utf8)) },
      { #expect(truncate($0, 2) == 0) },
    ]
    for change in change {
      // A time long ago. With the present time the test might not see a change, since file times advance in steps of milliseconds.
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)], ofItemAtPath: archive)
      let error = #expect(throws: OverlayError.self) {
        try publisher.publish(archive) { () throws(OverlayError) in
          do { try change(archive) } catch { throw OverlayError("\(error)") }
          return true
        }
      }
      #expect(error?.description.contains("x.cpio.gz changed while it was read") == true)
      #expect(try String(contentsOfFile: scratch("root/common/x.cpio.gz"), encoding: .utf8) == "first")
    }
  }

  @Test func whatIsRefusedBeforehandLeavesNothing() throws {
    let scratch = try ScratchDirectory()
    let publisher = try Self.publisher(in: scratch)
    #expect(try publisher.publish(Self.file("x.cpio.gz", "x", in: scratch)) { () throws(OverlayError) in false } == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch("root")) == [])
  }

  /// Three publishers of different archives under one name, and readers who look at the digest before and after.
  @Test func readersNeverHaveTheDigestOfAnother() throws {
    let scratch = try ScratchDirectory()
    let publisher = try Self.publisher(in: scratch)
    let path = scratch("root/common/x.cpio.gz")
    _ = try publisher.publish(Self.file("x.cpio.gz", "first", in: scratch))
    let (root, directory, sources) = (publisher.root, publisher.directory, scratch.path)
    DispatchQueue.concurrentPerform(iterations: 5) { worker in
      guard worker < 3 else {
        for _ in 0..<200 {
          let before = try? String(contentsOfFile: path + ".sha256", encoding: .utf8)
          let bytes = FileManager.default.contents(atPath: path)
          let after = try? String(contentsOfFile: path + ".sha256", encoding: .utf8)
          if let before, before == after { #expect(bytes.map(Self.digestLine) == before) }
        }
        return
      }
      for round in 0..<15 {
        #expect(throws: Never.self) {
          let place = "\(sources)/\(worker)-\(round)"
          try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
          try Data(repeating: UInt8(worker), count: 20_000 + round).write(to: URL(filePath: place + "/x.cpio.gz"))
          _ = try Publisher(root: root, directory: directory).publish(place + "/x.cpio.gz")
        }
      }
    }
    let line = try String(contentsOfFile: path + ".sha256", encoding: .utf8)
    #expect(FileManager.default.contents(atPath: path).map(Self.digestLine) == line)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch("root/common")).count == 2)
  }

  private static func digestLine(_ data: Data) -> String {
    var digest = Digest(.sha256)
    data.withUnsafeBytes { digest.update($0) }
    return "\(digest.finish())  x.cpio.gz\n"
  }

  private static func publisher(in scratch: ScratchDirectory) throws -> Publisher {
    try FileManager.default.createDirectory(atPath: scratch("root"), withIntermediateDirectories: true)
    return Publisher(root: scratch("root"), directory: try OverlayPath("common"))
  }

  private static func file(_ name: String, _ text: String, in scratch: ScratchDirectory) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: scratch(name)))
    return scratch(name)
  }
}
