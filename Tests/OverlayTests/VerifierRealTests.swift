import Foundation
import Overlay
import Testing

/// Programs that real linkers made.
struct VerifierRealTests {
  /// The agent that is built for nodes, else a program that is just as static.
  private static let staticProgram: String = {
    let named = ProcessInfo.processInfo.environment["MONORAIL_AGENT"] ?? "dist/monorail-agent"
    return FileManager.default.fileExists(atPath: named) ? named : "/bin/busybox"
  }()

  @Test func theAgentIsStatic() throws {
    let scratch = try ScratchDirectory()
    let agent = try #require(FileManager.default.contents(atPath: Self.staticProgram))
    var layer = try VerifyLayer("d 755 etc\nf 755 etc/rc.local = #!/bin/sh\\nexec monorail-agent\\n")
    try layer.add("opt/monorail/monorail-agent", .file(size: 0), 0o755, Array(agent))
    #expect(try findings(layer, scratch) == [])
  }

  @Test func aFileWithSeveralNamesIsWhatItsDataSays() throws {
    let scratch = try ScratchDirectory()
    var layer = try VerifyLayer("f 755 etc/rc.local = #!/bin/sh\\nexec monorail-agent\\n")
    let bytes = VerifyElf(needed: ["libnone.so"], name: "x").bytes
    // The archive has the data with the last name only.
    for name in ["opt/monorail/monorail-agent", "opt/x", "usr/x"] {
      try layer.add(name, .file(size: 0), 0o755, bytes, links: Entry.LinkGroup(1))
    }
    let found = try findings(layer, scratch).filter { $0.contains("libnone.so") }
    #expect(found.count == 4 && found[0].hasPrefix("error: opt/monorail/monorail-agent: is linked dynamically"))
  }

  @Test func theLastOfANameDecides() throws {
    let scratch = try ScratchDirectory()
    let layer = try VerifyLayer(
      "f 755 etc/rc.local = exec true\nf 755 etc/rc.local = #!/bin/sh\\nexec monorail-agent\\n\ne 755 opt/monorail/monorail-agent\nf 755 opt/x = #!/none\\n\nf 755 opt/x = "
    )
    #expect(
      try findings(layer, scratch) == [
        "warning: etc/rc.local: is in the archive more than once; the last one counts",
        "warning: opt/x: is in the archive more than once; the last one counts",
      ])
  }

  /// A program that needs liba, which needs libb, both beside it. With RPATH the loader finds libb, with RUNPATH it does not.
  @Test(arguments: ["--disable-new-dtags", "--enable-new-dtags"], [["a", "b"], ["a"]])
  func theLoaderAgrees(_ tags: String, _ libraries: [String]) throws {
    let scratch = try ScratchDirectory()
    try Data("int b(void) { return 0; }".utf8).write(to: URL(filePath: scratch("b.c")))
    try Data("int b(void); int a(void) { return b(); }".utf8).write(to: URL(filePath: scratch("a.c")))
    try Data("int a(void); int main(void) { return a(); }".utf8).write(to: URL(filePath: scratch("p.c")))
    try verifyTool("gcc", "-shared", "-fPIC", "-o", scratch("libb.so"), scratch("b.c"), "-Wl,-soname,libb.so")
    try verifyTool(
      "gcc", "-shared", "-fPIC", "-o", scratch("liba.so"), scratch("a.c"), scratch("libb.so"), "-Wl,-soname,liba.so")
    try verifyTool(
      "gcc", "-o", scratch("p"), scratch("p.c"), "-L\(scratch.path)", "-la",
      "-Wl,-rpath,$ORIGIN,\(tags),--allow-shlib-undefined")
    let programs = ["p"] + libraries.map { "lib\($0).so" }
    var layer = try VerifyLayer(VerifyLayer.required)
    let place = scratch("alone")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    for name in programs {
      let bytes = try #require(FileManager.default.contents(atPath: scratch(name)))
      try layer.add("opt/\(name)", .file(size: 0), 0o755, Array(bytes))
      try verifyTool("cp", scratch(name), "\(place)/\(name)")
    }
    let runs = (try? verifyTool("\(place)/p")) != nil
    let found = try findings(layer, scratch)
    #expect(found.isEmpty == runs, "\(found)")
    #expect(runs == (tags == "--disable-new-dtags" && libraries.contains("b")))
  }

  private func findings(_ layer: VerifyLayer, _ scratch: ScratchDirectory) throws -> [String] {
    let archive = try layer.archive(scratch("x.overlay.cpio.gz"))
    return try Verifier(archive: archive, base: VerifyBase.debian.get()).findings().map(\.description)
  }
}
