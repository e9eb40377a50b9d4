import Glibc
import Testing

/// The program with odd terminals, with output that nobody reads, and with old files in its way.
struct SurroundingsTests {
  private let scratch: ToolScratch

  init() throws { scratch = try ToolScratch() }

  private func stage() throws {
    // A mode that pack warns of, so that there is something to say.
    try scratch.shell("mkdir -m 700 tree && echo data >tree/file")
  }

  @Test(arguments: ["2>/dev/full", "2>&-", "<&- >&- 2>&-"])
  func `Messages that nobody can read neither end the work nor get into the archive`(streams: String) throws {
    try stage()
    try scratch.shell(
      """
      "$tool" pack tree -o expected --no-required
      "$tool" pack tree -o archive --no-required \(streams)
      cmp expected archive
      """)
  }

  @Test(.enabled(if: geteuid() == 0)) func `Without /proc nothing looks like a success`() throws {
    try stage()
    try scratch.shell(
      """
      code=0
      unshare --mount sh -c 'umount -l /proc && exec "$0" pack tree -o archive --no-required' "$tool" 2>errors || code=$?
      [ $code = 2 ] && grep -q 'mount /proc' errors && [ ! -e archive ]
      """)
  }

  @Test func `A failure is one although nobody can read why`() throws {
    try scratch.shell("code=0; \"$tool\" list missing 2>/dev/full || code=$?; [ $code = 2 ]")
  }

  @Test(arguments: ["-1", "0", "1", "20", "26", "39"])
  func `Help needs no wide terminal`(columns: String) throws {
    let run = try scratch.tool("help", "shell", environment: ["COLUMNS": columns])
    #expect(run.status == 0)
    #expect(run.lines.allSatisfy { !$0.hasPrefix("  -") || $0.count <= 40 })
    #expect(run.output.contains("--work-dir"))
  }

  @Test func `A name that is not UTF-8 is refused, and no other file is taken for it`() throws {
    try scratch.shell(
      """
      mkdir tree
      name=$(printf 'x\\377')
      code=0; "$tool" pack tree -o "$name" --no-required 2>errors || code=$?
      [ $code = 64 ] && grep -q '"x\\\\377" is not UTF-8' errors
      [ "$(ls)" = "$(printf 'errors\\ntree')" ]
      """)
  }

  @Test func `A symlink to an archive stays one, and the archive is replaced`() throws {
    try stage()
    try scratch.shell(
      """
      mkdir elsewhere; : >elsewhere/archive; ln -s elsewhere/archive link
      "$tool" pack tree -o link --no-required 2>/dev/null
      [ "$(readlink link)" = elsewhere/archive ] && "$tool" list elsewhere/archive | grep -q ' file$'
      """)
  }
}
