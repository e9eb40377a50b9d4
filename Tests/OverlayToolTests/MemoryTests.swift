import Foundation
import Testing

/// Memory does not grow with the tree.
@Suite struct MemoryTests {
  private static let most = 64 << 20

  @Test func isBoundedForLargeFiles() throws {
    let scratch = try ToolScratch()
    try check("truncate -s 1G sparse; head -c 30000000 /dev/urandom >noise", ["--level", "1"], scratch)
    try scratch.shell("test $(stat -c %s out/sparse) = 1073741824; test $(stat -c %b out/sparse) -lt 1000")
  }

  /// With the default level.
  @Test(arguments: ["gzip", "zstd", "xz"])
  func isBoundedForEveryCompression(_ compression: String) throws {
    try check("head -c 12000000 /dev/urandom >noise", ["--compression", compression], try ToolScratch())
  }

  /// With names as long as those of real trees.
  @Test func isBoundedForManyFiles() throws {
    try check(
      """
      python3 - <<'END'
      import os
      for top in range(100):
          directory = "usr/share/a-directory-%02d/with-a-longer-name" % top
          os.makedirs(directory)
          for number in range(1000): os.close(os.open("%s/a-file-%04d.txt" % (directory, number), os.O_CREAT | os.O_WRONLY))
      END
      """, ["--compression", "none"],
      try ToolScratch(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : NSTemporaryDirectory()))
  }

  /// - Parameter tree: shell commands that make a tree in the current directory.
  private func check(_ tree: String, _ options: [String], _ scratch: ToolScratch) throws {
    try scratch.shell("mkdir tree; cd tree; \(tree)")
    let packed = try memory(of: ["pack", "tree", "-o", "x", "--no-required"] + options, in: scratch)
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
