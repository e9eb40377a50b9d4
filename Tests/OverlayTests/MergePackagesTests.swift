import Testing

@testable import Overlay

/// Files of the package manager, of several overlays.
struct MergePackagesTests {
  private static func package(_ name: String, _ version: String, more: String = "") -> String {
    "Package: \(name)\nStatus: install ok installed\n\(more)Architecture: amd64\nVersion: \(version)\n\n"
  }
  private static let status = "var/lib/dpkg/status"

  private func file(_ text: String, _ format: RecordFile.Format = .paragraphs) -> RecordFile {
    RecordFile(Array(text.utf8), format)
  }

  private func text(_ file: RecordFile) -> String { String(decoding: file.bytes, as: UTF8.self) }

  @Test func aFileIsReadAndWrittenAsItIs() {
    let whole = Self.package("a", "1") + Self.package("b", "2", more: "Description: two\n lines\n .\n and more\n")
    #expect(text(file(whole)) == whole)
    #expect(text(file("a\nb\nc\nd\ne\n:\n", .lines(3))) == "a\nb\nc\nd\ne\n:\n")
    #expect(text(file("")) == "")
  }

  @Test func changesSinceTheCommonRootAreAllTaken() {
    let root = file(Self.package("a", "1") + Self.package("b", "1") + Self.package("c", "1"))
    let first = file(Self.package("a", "2") + Self.package("b", "1") + Self.package("c", "1") + Self.package("x", "1"))
    let second = file(Self.package("a", "1") + Self.package("b", "3") + Self.package("y", "1"))
    let both = RecordFile.combined([first, second], since: root)
    #expect(
      text(both)
        == ["a 2", "b 3", "x 1", "y 1"].map { Self.package(String($0.prefix(1)), String($0.suffix(1))) }.joined())
    let third = file(Self.package("a", "5") + Self.package("b", "1") + Self.package("c", "1"))
    #expect(text(RecordFile.combined([first, third], since: root)).contains("Version: 5"))
    #expect(text(RecordFile.combined([third, first], since: root)).contains("Version: 2"))
  }

  @Test func onePackageOfSeveralArchitectures() {
    let other = Self.package("l", "1", more: "Multi-Arch: same\n").replacing("amd64", with: "i386")
    let both = RecordFile.combined(
      [file(Self.package("l", "1", more: "Multi-Arch: same\n")), file(other)], since: file(""))
    #expect(both.records.map { String(decoding: $0.key, as: UTF8.self) } == ["l:amd64", "l:i386"])
  }

  private func merged(_ layers: [String], base: String? = nil) throws -> (Merger.Plan, [UInt8]) {
    let scratch = try ScratchDirectory()
    var merger = Merger()
    if let base { merger.base = try VerifyLayer(base).image(scratch("base")) }
    var archives: [String] = []
    for (number, lines) in layers.enumerated() {
      archives.append(try VerifyLayer(lines).archive(scratch("\(number).cpio"), compression: .none))
    }
    let plan = try merger.plan(archives)
    try merger.write(plan, to: scratch("merged"))
    let inspection = try ArchiveInspection(scratch("merged"), limits: ArchiveLimits()) { _, _ in }
    return (plan, try inspection.contents(of: OverlayPath(Self.status)))
  }

  private static func layer(_ packages: [String: String], installed: String = "") -> String {
    let text = packages.sorted { $0.key < $1.key }.map { package($0.key, $0.value) }.joined()
    return "f 644 \(status) = \(text.replacing("\n", with: "\\n"))\n"
      + (installed.isEmpty ? "" : "f 644 var/lib/dpkg/info/\(installed).list = /.\\n")
  }

  @Test func packagesOfAllOverlaysAreKnown() throws {
    let base = Self.layer(["base": "1", "gone": "1"])
    let first =
      Self.layer(["base": "2", "gone": "1", "x": "1"], installed: "base") + "\nf 644 var/lib/dpkg/info/x.list = -"
    let second = Self.layer(["base": "1", "y": "1"], installed: "y") + "\nw var/lib/dpkg/info/gone.list"
    let expected = ["base 2", "x 1", "y 1"]
    for base in [base, nil] {
      let (plan, status) = try merged([first, second], base: base)
      let found = file(String(decoding: status, as: UTF8.self)).records.map { record in
        let words = record.lines.map { String(decoding: $0, as: UTF8.self) }
        return "\(words[0].dropFirst(9)) \(words.last?.dropFirst(9) ?? "")"
      }
      #expect(found.sorted() == expected)
      #expect(plan.combined.map(\.description) == [Self.status] && plan.conflicts.isEmpty)
    }
  }

  @Test func aListThatAnOverlayRemovesIsNotCombined() throws {
    let (plan, status) = try merged([Self.layer(["a": "1"]), "w \(Self.status)", Self.layer(["b": "1"])])
    #expect(plan.combined.isEmpty)
    #expect(String(decoding: status, as: UTF8.self) == Self.package("b", "1"))
  }

  @Test(arguments: [
    ("etc/ld.so.cache", "etc/ld.so.cache", "ldconfig"),
    ("usr/lib/modules/6.1.0/modules.dep", "modules.dep", "depmod"),
    ("lib/modules/6.1.0/modules.alias.bin", "modules.dep", "depmod"),
  ])
  func derivedListsNeedTheBase(_ path: String, _ list: String, _ program: String) throws {
    let error = #expect(throws: OverlayError.self) { _ = try merged(["f 644 \(path) = a", "f 644 \(path) = b"]) }
    #expect(
      error?.description
        == "overlays have different \(list), and neither knows what the others brought: give --base IMAGE, the image that the overlays are for, and run merge as root, so that it runs \(program) over the image"
    )
    _ = try merged(["f 644 \(path) = a", "f 644 \(path) = a"])
    _ = try merged(["f 644 \(path) = a", "w \(path)", "f 644 \(path) = b"])
  }

  @Test(arguments: ["x;reboot", "$(x)", "-a", ".."])
  func namesThatAreNoKernelsDoNotReachTheShell(_ name: String) throws {
    let scratch = try ScratchDirectory()
    var archives: [String] = []
    for text in ["a", "b"] {
      var layer = try VerifyLayer("")
      guard let path = try? OverlayPath("lib/modules/\(name)/modules.dep") else { return }
      try layer.add(path.description, .file(size: 0), 0o644, Array(text.utf8))
      archives.append(try layer.archive(scratch(text)))
    }
    let lists = try Merger().plan(archives).lists
    #expect(!lists.isEmpty && refuses(lists))
  }

  private func refuses(_ lists: DerivedLists) -> Bool { (try? lists.script()) == nil }
}
