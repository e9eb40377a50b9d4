import Foundation
import Testing

/// Memory does not grow with the tree.
@Suite struct MemoryTests {
  private static let most = 64 << 20

  /// Shell commands that make a tree in the current directory.
  private static let trees = [
    "truncate -s 3G sparse; head -c 30000000 /dev/urandom >noise",
    // With names as long as those of real trees.
    """
    python3 - <<'END'
    import os
    for top in range(100):
        directory = "usr/share/a-directory-%02d/with-a-longer-name" % top
        os.makedirs(directory)
        for number in range(1000): os.close(os.open("%s/a-file-%04d.txt" % (directory, number), os.O_CREAT | os.O_WRONLY))
    END
    """,
  ]

  @Test(arguments: trees, ["gzip --level 1", "none"])
  func isBounded(_ tree: String, _ compression: String) throws {
    let scratch = try ToolScratch()
    try scratch.shell("mkdir tree; cd tree; \(tree)")
    let packed = try memory(
      of: ["pack", "tree", "-o", "x", "--no-required", "--compression"]
        + compression.split(separator: " ").map(String.init),
      in: scratch)
    #expect(packed <= Self.most, "pack took \(packed >> 10) KiB")
    try scratch.shell("rm -r tree")
    let unpacked = try memory(of: ["unpack", "x", "out"], in: scratch)
    #expect(unpacked <= Self.most, "unpack took \(unpacked >> 10) KiB")
  }

  /// The most that was resident at once, in bytes.
  private func memory(of arguments: [String], in scratch: ToolScratch) throws -> Int {
    let measure = """
      import os, resource, sys
      if (process := os.fork()) == 0: os.execv(sys.argv[1], sys.argv[1:])
      _, status, usage = os.wait4(process, 0)
      print(usage.ru_maxrss)
      sys.exit(os.waitstatus_to_exitcode(status))
      """
    let run = try ToolRun(["-c", measure, ToolRun.program] + arguments, in: scratch.path, program: "/usr/bin/python3")
    try #require(run.status == 0, "\(run.errors)")
    return try #require(run.lines.last.flatMap { Int($0) }) << 10
  }
}
