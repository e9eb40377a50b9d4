import Foundation
import Testing

/// Whatever an archive is: nothing is written outside of the directory, and the program neither crashes nor hangs.
@Suite struct HostileTests {
  @Test(arguments: HostileArchive.all)
  func unpacksAsRootOnlyWhatIsSafe(_ archive: HostileArchive) throws {
    try check(archive, archive.end, Stage(archive, user: nil))
  }

  @Test(.enabled(if: geteuid() == 0), arguments: HostileArchive.all)
  func unpacksWithoutRootOnlyWhatIsSafe(_ archive: HostileArchive) throws {
    try check(archive, archive.endWithoutRoot, Stage(archive, user: 65534))
  }

  @Test(arguments: HostileArchive.all)
  func listsOrSaysWhatIsWrong(_ archive: HostileArchive) throws {
    let stage = try Stage(archive, user: nil)
    let run = try stage.tool(["list"] + archive.options.filter { $0 != "--force" } + ["../archive"])
    if run.status == 0 {
      // `list` warns in one sentence of archives that are unusual but no error.
      #expect(run.errors.isEmpty || isOneSentence(run.errors))
    } else {
      #expect(run.status == 2)
      #expect(isOneSentence(run.errors))
    }
  }

  private func check(_ archive: HostileArchive, _ end: HostileArchive.End, _ stage: Stage) throws {
    let before = try stage.surroundings()
    let run = try stage.tool(["unpack"] + archive.options + ["../archive", "dir"])
    let after = try stage.surroundings()
    #expect(after == before, "something outside of the directory has changed")
    switch end {
    case .refused(let words):
      #expect(run.status == 2)
      #expect(isOneSentence(run.errors))
      #expect(run.errors.contains(words), "\(run.errors)")
      if archive.before == nil { #expect(try stage.names == ["outside"], "something is left") }
    case .unpacked(let script):
      try #require(run.status == 0, "\(run.errors)")
      #expect(run.errors.isEmpty)
      let isNoLink = archive.before == nil ? "test -z \"$(find . -samefile ../outside/file)\"; " : ""
      let check = try ToolRun(["-euc", isNoLink + script], in: stage.scratch("around/dir"), program: "/bin/sh")
      #expect(check.status == 0, "\(script) \(check.errors)")
    }
  }

  private func isOneSentence(_ text: String) -> Bool {
    text.hasPrefix("monorail-overlay: ") && text.hasSuffix("\n") && text.utf8.count { $0 == UInt8(ascii: "\n") } == 1
  }
}

/// A directory to unpack into, `around/dir`, with something beside it that an archive could spoil.
private struct Stage {
  let scratch: ToolScratch
  private let wrapper: [String]

  init(_ archive: HostileArchive, user: Int?) throws {
    scratch = try ToolScratch()
    try Data(archive.bytes).write(to: URL(filePath: scratch("archive")))
    try scratch.shell(
      """
      chmod 755 .
      mkdir -p around/outside
      echo untouched >around/outside/file
      """)
    if let before = archive.before { try scratch.shell("mkdir around/dir; cd around/dir; \(before)") }
    if let user { try scratch.shell("chown -hR \(user):\(user) around") }
    // Processor time, so that a busy machine does not count.
    let limits = ["timeout", "-s", "KILL", "600", "prlimit", "--cpu=60", "--as=1073741824", "--core=0"]
    wrapper = limits + (user.map { ["setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups"] } ?? [])
  }

  func tool(_ arguments: [String]) throws -> ToolRun {
    try ToolRun(wrapper + [try scratch.sharedProgram()] + arguments, in: scratch("around"), program: "/usr/bin/env")
  }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: scratch("around")).sorted() }
  }

  /// Everything beside the directory: names, types, modes, owners, times and contents.
  func surroundings() throws -> String {
    let format = "%P %y %m %U %G %s %T@ %l\\n"
    let walk = try ToolRun(
      ["around/outside", "-printf", format], in: scratch.path, program: "/usr/bin/find")
    return walk.output + (try String(contentsOfFile: scratch("around/outside/file"), encoding: .utf8))
  }
}

extension ToolScratch {
  /// The program, where everybody may run it: a checkout need not be open to all.
  func sharedProgram() throws -> String {
    let above = sequence(first: URL(filePath: ToolRun.program).deletingLastPathComponent()) { url in
      url.path == "/" ? nil : url.deletingLastPathComponent()
    }
    let isOpen = above.allSatisfy { url in
      var status = stat()
      return stat(url.path, &status) == 0 && status.st_mode & 1 != 0
    }
    if isOpen { return ToolRun.program }
    let copy = self("monorail-overlay")
    if !FileManager.default.fileExists(atPath: copy) { try shell("install -m 755 '\(ToolRun.program)' '\(copy)'") }
    return copy
  }
}
