import Foundation
import Overlay
import Testing

@Suite struct MergeTests {
  private let scratch: ScratchDirectory
  init() throws { scratch = try ScratchDirectory() }

  struct Case: CustomTestStringConvertible {
    let name: String
    /// The lowest first.
    let layers: [String]
    /// `f 644 0:0 path = text`, sorted.
    let merged: String
    /// Each `path: attributes, number of hidden entries`.
    var conflicts: [String] = []

    var testDescription: String { name }
  }

  static let cases = [
    Case(
      name: "directories are joined, and the later attributes win",
      layers: ["d 755 0:0 etc\nf 644 0:0 etc/a = 1", "d 700 5:6 etc\nf 644 0:0 etc/b = 2"],
      merged: "d 700 5:6 etc\nf 644 0:0 etc/a = 1\nf 644 0:0 etc/b = 2",
      conflicts: ["etc: mode owner group 0"]),
    Case(
      name: "the later file wins",
      layers: ["f 644 0:0 a = old", "f 755 0:0 a = new"], merged: "f 755 0:0 a = new",
      conflicts: ["a: content mode 0"]),
    Case(
      name: "what is the same is no conflict", layers: ["f 644 0:0 a = x", "f 644 0:0 a = x"], merged: "f 644 0:0 a = x"
    ),
    Case(
      name: "a file replaces a directory and all in it",
      layers: ["d 755 0:0 d\nd 755 0:0 d/e\nf 644 0:0 d/e/f = 1\nf 644 0:0 d-x = 2", "f 644 0:0 d = 3"],
      merged: "f 644 0:0 d = 3\nf 644 0:0 d-x = 2", conflicts: ["d: type 2"]),
    Case(
      name: "a symlink replaces a directory", layers: ["d 755 0:0 d\nf 644 0:0 d/f = 1", "l 777 0:0 d > e"],
      merged: "l 777 0:0 d > e", conflicts: ["d: type 1"]),
    Case(
      name: "of what a whiteout hides only the whiteout is left",
      layers: ["d 755 0:0 d\nf 644 0:0 d/f = 1", "w d"], merged: "w d", conflicts: ["d: type 1"]),
    Case(name: "whiteouts stay", layers: ["w a", "w b\nw a"], merged: "w a\nw b"),
    Case(
      name: "a file comes back", layers: ["w a", "f 644 0:0 a = 1"], merged: "f 644 0:0 a = 1", conflicts: ["a: type 0"]
    ),
    Case(
      name: "a symlink's target counts", layers: ["l 777 0:0 a > b", "l 777 0:0 a > c"], merged: "l 777 0:0 a > c",
      conflicts: ["a: target 0"]),
    Case(
      name: "a device's number counts", layers: ["c 600 0:0 a 5,1", "c 600 0:0 a 5,2"], merged: "c 600 0:0 a 5,2",
      conflicts: ["a: device 0"]),
    Case(
      name: "a file keeps the names that are left, wherever its data stands",
      layers: ["f 644 0:0 a = data\nf 644 0:0 b & a\nf 644 0:0 c & a", "f 644 0:0 c = new"],
      merged: "f 644 0:0 a = data\nf 644 0:0 b & a\nf 644 0:0 c = new", conflicts: ["c: content size 0"]),
    Case(
      name: "the last name of a file is a file like others",
      layers: ["f 644 0:0 a = data\nf 644 0:0 b & a", "w b"], merged: "f 644 0:0 a = data\nw b",
      conflicts: ["b: type 0"]),
    Case(
      name: "files of different overlays are never one",
      layers: ["f 644 0:0 a = x\nf 644 0:0 b & a", "f 644 0:0 c = x\nf 644 0:0 d & c"],
      merged: "f 644 0:0 a = x\nf 644 0:0 b & a\nf 644 0:0 c = x\nf 644 0:0 d & c"),
    Case(
      name: "the last of a name in one archive counts",
      layers: ["f 644 0:0 a = 1\nf 644 0:0 a = 2", "f 644 0:0 b = 3\nf 644 0:0 b = 4"],
      merged: "f 644 0:0 a = 2\nf 644 0:0 b = 4"),
    Case(
      name: "a directory without an entry takes the other archive's attributes",
      layers: ["d 700 1:1 d\nf 644 0:0 d/a = 1", "f 644 0:0 d/b = 2"],
      merged: "d 700 1:1 d\nf 644 0:0 d/a = 1\nf 644 0:0 d/b = 2"),
    Case(
      name: "a directory that no archive has an entry for gets one",
      layers: ["f 644 0:0 d/a = 1", "f 644 0:0 d/b = 2"],
      merged: "d 755 0:0 d\nf 644 0:0 d/a = 1\nf 644 0:0 d/b = 2"),
    Case(
      name: "the root is a directory like others", layers: ["d 755 0:0 .", "d 700 0:0 .\nf 644 0:0 a = 1"],
      merged: "d 700 0:0 .\nf 644 0:0 a = 1", conflicts: [".: mode 0"]),
    Case(
      name: "of three each that is overridden is a conflict",
      layers: ["f 644 0:0 a = 1", "f 644 0:0 a = 2", "f 644 0:0 a = 3"], merged: "f 644 0:0 a = 3",
      conflicts: ["a: content 0", "a: content 0"]),
    Case(
      name: "of three the first shows through the second",
      layers: ["d 755 0:0 d\nf 644 0:0 d/a = 1", "f 644 0:0 x = 2", "d 755 0:0 d\nf 644 0:0 d/c = 3"],
      merged: "d 755 0:0 d\nf 644 0:0 d/a = 1\nf 644 0:0 d/c = 3\nf 644 0:0 x = 2"),
  ]

  @Test(arguments: cases) func merging(_ merge: Case) throws {
    let archives = try write(merge.layers)
    let merger = Merger()
    let plan = try merger.plan(archives)
    try merger.write(plan, to: scratch("merged"))
    #expect(
      try index("merged").lines
        == ArchiveIndex(OverlayText(merge.merged).write(to: scratch("wanted")), digests: true).lines)
    let conflicts = plan.conflicts.map { conflict in
      "\(conflict.path): \(conflict.differences.map(\.attribute.rawValue).joined(separator: " ")) \(conflict.hidden)"
    }
    #expect(conflicts == merge.conflicts)
  }

  @Test(arguments: ["l 777 0:0 d > e", "f 644 0:0 d = 1", "w d"])
  func aDirectoryInAnotherThingsPlaceHidesWhatTheBaseHasInIt(_ lower: String) throws {
    let archives = try write([
      lower, "d 755 0:0 d\nf 644 0:0 d/a = 1\nd 755 0:0 d/s\nf 644 0:0 d/s/x = 1\nf 644 0:0 d/t = 1",
    ])
    var merger = Merger()
    let plan = try merger.plan(archives)
    let error = #expect(throws: OverlayError.self) { try merger.write(plan, to: scratch("merged")) }
    #expect(error?.description.contains("d is a directory in \(archives[1]), over a ") == true)
    #expect(error?.description.contains("--base IMAGE") == true)
    #expect(!FileManager.default.fileExists(atPath: scratch("merged")))

    try run(
      "cd '\(scratch.path)' && mkdir -p base/d/s/deep base/d/gone/deep base/d/t base/e && touch base/d/a base/d/s/y"
        + " base/d/file 'base/d/new\nline' && mksquashfs base base.img -no-progress -quiet >/dev/null")
    merger.base = try BaseImage(scratch("base.img"))
    try merger.write(plan, to: scratch("merged"))
    #expect(
      try index("merged").entries.map { ($0.isWhiteout ? "w " : "") + $0.path.description } == [
        "d", "d/a", "w d/file", "w d/gone", "w d/new\\012line", "d/s", "w d/s/deep", "d/s/x", "w d/s/y", "d/t",
      ])
  }

  @Test func aBaseWithoutThatDirectoryNeedsNoWhiteouts() throws {
    let archives = try write(["l 777 0:0 etc > foo", "f 644 0:0 etc/x = 1"])
    try run(
      "cd '\(scratch.path)' && mkdir base && touch base/etc && mksquashfs base base.img -no-progress -quiet >/dev/null")
    var merger = Merger()
    merger.base = try BaseImage(scratch("base.img"))
    try merger.write(try merger.plan(archives), to: scratch("merged"))
    #expect(try index("merged").entries.map(\.path.description) == ["etc", "etc/x"])
  }

  @Test func anArchiveWithSomethingInsideOfAFileIsRefused() throws {
    let archives = try write(["f 644 0:0 a = 1", "l 777 0:0 etc > foo\nf 644 0:0 etc/x = 1"])
    let error = #expect(throws: OverlayError.self) { try Merger().plan(archives) }
    #expect(
      error?.description
        == "\(archives[1]): \"etc/x\" cannot be unpacked: \"etc\" is a symlink there, no directory")
  }

  @Test func theOutputMayBeOneOfTheInputs() throws {
    let archives = try write(["f 644 0:0 a = 1", "f 644 0:0 b = 2"])
    let merger = Merger()
    try merger.write(try merger.plan(archives), to: archives[0])
    #expect(try index("0").entries.map(\.path.description) == ["a", "b"])
    try merger.write(try merger.plan(archives), to: archives[1])
    #expect(try Data(contentsOf: URL(filePath: archives[0])) == Data(contentsOf: URL(filePath: archives[1])))
  }

  @Test func anArchiveThatChangesMeanwhileIsNoticed() throws {
    let archives = try write(["f 644 0:0 a = 1", "f 644 0:0 b = 2"])
    let plan = try Merger().plan(archives)
    try OverlayText("f 644 0:0 b = 3").write(to: archives[1])
    let error = #expect(throws: OverlayError.self) { try Merger().write(plan, to: scratch("merged")) }
    #expect(error?.description.contains("\(archives[1]) has changed") == true)
    #expect(!FileManager.default.fileExists(atPath: scratch("merged")))
  }

  @Test func timesAreKeptOrClamped() throws {
    let early = try OverlayText("f 644 0:0 a = 1", time: 1000).write(to: scratch("early"))
    let late = try OverlayText("f 644 0:0 b/c = 1", time: 3000).write(to: scratch("late"))
    var merger = Merger()
    try merger.write(try merger.plan([early, late]), to: scratch("kept"))
    #expect(try index("kept").entries.map(\.modified) == [1000, 3000, 3000])
    merger.times = .clamped(to: 2000)
    try merger.write(try merger.plan([early, late]), to: scratch("clamped"))
    #expect(try index("clamped").entries.map(\.modified) == [1000, 2000, 2000])
  }

  /// A path of a thousand nested directories.
  @Test func depthIsNoProblem() throws {
    let deep = (1...1000).map { _ in "d" }.joined(separator: "/")
    let archives = try write(["f 644 0:0 \(deep) = 1", "f 644 0:0 \(deep) = 2"])
    let merger = Merger()
    let plan = try merger.plan(archives)
    #expect(plan.conflicts.count == 1)
    #expect(try merger.write(plan, to: scratch("merged")) == 1000)
  }

  private func write(_ layers: [String]) throws -> [String] {
    try layers.enumerated().map { number, lines in try OverlayText(lines).write(to: scratch("\(number)")) }
  }

  private func index(_ name: String) throws -> ArchiveIndex { try ArchiveIndex(scratch(name), digests: true) }
}
