import Foundation
import Testing

/// `unpack` makes a directory as a whole or not at all.
@Suite struct UnpackTests {
  private let scratch: ToolScratch

  init() throws {
    scratch = try ToolScratch()
    try scratch.shell(
      """
      chmod 755 .; mkdir tree tree/sub; echo x >tree/sub/file
      "$tool" pack tree -o small --no-required
      head -c 3000000 /dev/urandom >tree/zz-noise; "$tool" pack tree -o large --no-required
      """)
  }

  @Test(.enabled(if: geteuid() == 0))
  func leavesNothingWhenTheDiskIsFull() throws {
    let run = try script(
      """
      mkdir disk; mount -t tmpfs -o size=1m tmpfs disk
      "$tool" unpack large disk/out || echo "exit $?"
      ls -A disk
      """)
    #expect(run.output == "exit 2\n")
    #expect(run.errors == "monorail-overlay: large: cannot write \"zz-noise\": No space left on device (ENOSPC)\n")
  }

  @Test(.enabled(if: geteuid() == 0))
  func saysWhatStaysInADirectoryThatWasThere() throws {
    let run = try script(
      """
      mkdir disk; mount -t tmpfs -o size=1m tmpfs disk
      "$tool" unpack large disk || echo "exit $?"
      cat disk/sub/file
      """)
    #expect(run.output == "exit 2\nx\n")
    #expect(run.errors.hasSuffix("(ENOSPC); what came before it is in disk\n"))
  }

  @Test(.enabled(if: geteuid() == 0))
  func leavesNothingWhenThereAreNoInodes() throws {
    let run = try script(
      """
      mkdir disk; mount -t tmpfs -o nr_inodes=3 tmpfs disk
      "$tool" unpack small disk/out || echo "exit $?"
      ls -A disk
      """)
    #expect(run.output == "exit 2\n")
    #expect(run.errors.contains("cannot create \"sub/file\": No space left on device"))
  }

  /// What a killed run leaves the next one removes; what a running one needs it leaves alone.
  @Test func removesWhatAKilledRunLeft() throws {
    let run = try script(
      """
      mkdir -p out.1.partial/sub out.x.partial out.2.partial another.3.partial
      : >out.1.partial/sub/file; chmod 0 out.1.partial/sub
      exec 9<out.2.partial; flock 9
      "$tool" unpack small out; ls -d *.partial; cat out/sub/file
      """)
    #expect(run.output == "another.3.partial\nout.2.partial\nout.x.partial\nx\n")
  }

  @Test(arguments: ["KILL", "INT"])
  func neverShowsHalfADirectory(_ signal: String) throws {
    let run = try script(
      """
      # Three gigabytes of zeros, made at once.
      python3 - <<'END'
      import gzip
      fields = [1, 0o100644, 0, 0, 1, 0, 3 << 30, 0, 0, 0, 0, 5, 0]
      header = b"070701" + b"".join(b"%08X" % field for field in fields) + b"huge\\0" + bytes(1)
      open("huge", "wb").write(gzip.compress(header) + gzip.compress(bytes(1 << 26)) * 48)
      END
      # A shell has what it starts with & ignore SIGINT.
      env --default-signal "$tool" unpack huge out & program=$!
      until ls -d out.*.partial/huge 2>/dev/null; do kill -0 $program; done >/dev/null
      kill -\(signal) $program; wait $program || echo ended
      ls -d out || echo 'not there'
      "$tool" unpack small out; ls -d out*
      """)
    #expect(run.output == "ended\nnot there\nout\n")
  }

  struct Place: Sendable, CustomTestStringConvertible {
    let archive: String
    let directory: String
    let error: String
    var testDescription: String { "\(archive) to \(directory)" }
  }

  @Test(
    arguments: [
      Place(archive: "small", directory: "fifo", error: "cannot unpack into fifo: Not a directory"),
      Place(archive: "small", directory: "small", error: "cannot unpack into small: Not a directory"),
      Place(archive: "small", directory: "nowhere/out", error: "No such file or directory"),
      Place(archive: "small", directory: "dangling", error: "cannot make the directory dangling"),
      Place(archive: "fifo", directory: "out", error: "fifo"),
      Place(archive: "tree", directory: "out", error: "Is a directory"),
      Place(archive: "gone", directory: "out", error: "cannot open gone: No such file or directory"),
      Place(archive: "/dev/zero", directory: "out", error: "/dev/zero"),
    ])
  func refusesPlacesThatAreNone(_ place: Place) throws {
    try scratch.shell("mkfifo fifo; ln -s nothing dangling")
    let run = try scratch.tool("unpack", place.archive, place.directory)
    #expect(run.status == 2)
    #expect(run.errors.contains(place.error), "\(run.errors)")
    try scratch.shell("test -p fifo; test -h dangling; test ! -e out; test -z \"$(ls -d *.partial 2>/dev/null)\"")
  }

  @Test(.enabled(if: geteuid() == 0))
  func writesNoManifestOverAnother() throws {
    let run = try script(
      """
      mkdir -m 777 open; cp small "$tool" open; cd open; echo mine >out.manifest
      nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups ./monorail-overlay "$@"; }
      nobody unpack small out || echo "exit $?"
      cat out.manifest; ls -d out* | tr '\\n' ' '
      nobody unpack small out --force >/dev/null; head -n 2 out.manifest | tail -n 1
      """)
    #expect(run.output == "exit 2\nmine\nout.manifest . d 755 0 0 - - 0\n")
    #expect(run.errors.contains("out.manifest exists already; --force replaces it"))
  }

  /// In a mount namespace of its own; `$tool` is the program.
  private func script(_ script: String) throws -> ToolRun {
    let arguments = geteuid() == 0 ? ["unshare", "--mount"] : []
    return try ToolRun(
      arguments + ["sh", "-euc", script], in: scratch.path, environment: ["tool": ToolRun.program],
      program: "/usr/bin/env")
  }
}
