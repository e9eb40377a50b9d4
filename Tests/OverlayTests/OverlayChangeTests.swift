import Foundation
import Testing

@testable import Overlay

struct OverlayChangeTests {
  typealias Addition = OverlayChange.Addition

  private static let base = """
    d 755 usr
    d 755 usr/lib
    f 644 usr/lib/old = base
    l lib > usr/lib
    d 2775 var
    d 755 etc
    f 644 etc/motd = base
    l nowhere > gone
    """

  /// A base image and an overlay, and what a change makes of the overlay.
  private final class Stage {
    let scratch: ScratchDirectory
    let base: BaseImage

    init(_ overlay: String = "d 755 0:0 .") throws {
      scratch = try ScratchDirectory()
      base = try VerifyLayer(OverlayChangeTests.base).image(scratch("-base"))
      try OverlayText(overlay).write(to: scratch("overlay"))
    }

    @discardableResult
    func apply(_ change: OverlayChange) throws -> [String] {
      let paths = try change.apply(
        to: scratch("overlay"), over: base, result: scratch("result"), scratch: scratch.path)
      return paths.map { "\($0)" }
    }

    func lines() throws -> [String] { try ArchiveIndex(scratch("result"), digests: true).lines }
  }

  private static func text(_ path: String, _ text: String = "new", _ permissions: UInt32 = 0o644) throws -> Addition {
    Addition(try OverlayPath(path), .text(Array(text.utf8)), permissions: permissions, place: "x.yaml:7")
  }

  private static func change(_ additions: [Addition], removing removals: [String] = []) throws -> OverlayChange {
    var change = OverlayChange()
    change.writer = ArchiveWriter(compression: .none)
    change.additions = additions
    change.removals = try removals.map { OverlayChange.Removal(try OverlayPath($0), place: "x.yaml:9") }
    return change
  }

  @Test func `A file comes with the directories above it, which keep the attributes that they have in the base`() throws
  {
    let stage = try Stage()
    #expect(try stage.apply(Self.change([Self.text("var/lib/x")])) == ["var/lib/x"])
    #expect(
      try stage.lines() == [
        "d 755 0:0 .", "d 2775 0:0 var", "d 755 0:0 var/lib", "f 644 0:0 var/lib/x = 11507a0e",
      ])
  }

  @Test func `A directory that is a symlink in the base is followed, and not replaced`() throws {
    let stage = try Stage()
    let path = try OverlayPath("lib")
    let change = try Self.change([
      Self.text("lib/modules/x"), Addition(path, .anyDirectory, permissions: 0o755, place: "x.yaml:7"),
    ])
    #expect(try stage.apply(change) == ["usr/lib/modules/x", "usr/lib"])
    #expect(
      try stage.lines() == [
        "d 755 0:0 .", "d 755 0:0 usr", "d 755 0:0 usr/lib", "d 755 0:0 usr/lib/modules",
        "f 644 0:0 usr/lib/modules/x = 11507a0e",
      ])
  }

  @Test func `What the overlay has already stays, and a file of the same name is replaced`() throws {
    let stage = try Stage("d 755 0:0 .\nd 700 1:2 etc\nf 600 1:2 etc/a = a\nf 600 1:2 etc/b = b")
    var addition = try Self.text("etc/a", "new", 0o4711)
    (addition.owner, addition.group) = (3, 4)
    try stage.apply(Self.change([addition]))
    #expect(
      try stage.lines() == [
        "d 755 0:0 .", "d 700 1:2 etc", "f 4711 3:4 etc/a = 11507a0e", "f 600 1:2 etc/b = 3e23e816",
      ])
  }

  @Test func `A file of this machine is copied with its bytes, whatever its time is`() throws {
    let stage = try Stage()
    try stage.scratch.write("new", to: "source")
    let addition = Addition(
      try OverlayPath("x"), .file(stage.scratch("source")), permissions: 0o755, place: "x.yaml:7")
    try stage.apply(Self.change([addition]))
    #expect(try stage.lines() == ["d 755 0:0 .", "f 755 0:0 x = 11507a0e"])
    #expect(try ArchiveIndex(stage.scratch("result")).entries.last?.modified == 0)
  }

  @Test func `A name of the base is removed with a whiteout, one of the overlay alone without`() throws {
    let stage = try Stage("d 755 0:0 .\nd 755 0:0 own\nf 644 0:0 own/file = a\nd 755 0:0 usr\nd 755 0:0 usr/lib")
    try stage.apply(Self.change([], removing: ["own", "lib/old", "etc"]))
    #expect(try stage.lines() == ["d 755 0:0 .", "w etc", "d 755 0:0 usr", "d 755 0:0 usr/lib", "w usr/lib/old"])
  }

  @Test(arguments: [
    ("etc/motd/x", "x.yaml:7: /etc/motd/x cannot be made: /etc/motd is a file"),
    ("nowhere/x", "x.yaml:7: /nowhere/x cannot be made: /nowhere is a symlink that leads to no directory"),
    ("usr/lib", "x.yaml:7: /usr/lib is a directory already"),
    ("lib/../x", ""),
  ])
  func `A file that has no place is an error that names the line, and nothing is written`(
    _ path: String, _ message: String
  ) throws {
    let stage = try Stage()
    let error = #expect(throws: OverlayError.self) { try stage.apply(Self.change([Self.text(path)])) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    #expect(!FileManager.default.fileExists(atPath: stage.scratch("result")))
  }

  @Test func `Removing what is not there is an error`() throws {
    let stage = try Stage()
    let error = #expect(throws: OverlayError.self) { try stage.apply(Self.change([], removing: ["etc/none"])) }
    #expect(
      error?.description
        == "x.yaml:9: there is nothing to remove: neither the overlay nor the base image has /etc/none")
  }

  @Test func `A FIFO in the place of a file does not hold the program`() throws {
    let stage = try Stage()
    #expect(mkfifo(stage.scratch("fifo"), 0o644) == 0)
    let addition = Addition(try OverlayPath("x"), .file(stage.scratch("fifo")), permissions: 0o755, place: "x.yaml:7")
    let error = #expect(throws: OverlayError.self) { try stage.apply(Self.change([addition])) }
    #expect(error?.description == "x.yaml:7: \(stage.scratch("fifo")) is no regular file")
  }
}
