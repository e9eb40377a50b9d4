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
    #expect(
      run.errors.hasPrefix(
        "monorail-overlay: large: cannot write \"zz-noise\": No space left on device (ENOSPC)\n"
          + "the file system of disk/out is full: "), "\(run.errors)")
    #expect(run.errors.contains(" of its 1 MiB are free; this file alone has 2.9 MiB. Remove something there, or "))
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
    #expect(run.errors.contains("(ENOSPC); what came before it is in disk\nthe file system of disk is full: "))
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
    #expect(run.errors.contains("No space left on device"))
    #expect(run.errors.contains("the file system of disk/out is full: it has no inodes left for more files. Remove "))
  }

  /// What a killed run leaves the next one removes; what a running one needs, and what is the user's own, it leaves alone.
  @Test func removesWhatAKilledRunLeft() throws {
    let run = try script(
      """
      mkdir -p out.1.partial/sub out.2024.partial another.3.partial; : >out.1.partial/sub/file
      \(makeHuge)
      # Until there are so many directories that such a run has made.
      begin() {
        "$tool" unpack huge out & program=$!
        until [ "$(ls -d out.*.partial/new/huge 2>/dev/null | wc -l)" = $1 ]; do kill -0 $program; done
      }
      begin 1; running=$program; kill -STOP $running
      begin 2; killed=$program; kill -KILL $killed; wait $killed || echo killed
      "$tool" unpack small out; cat out/sub/file
      ls -d *.partial | sed 's/[0-9]\\{10,\\}/NUMBER/' | LC_ALL=C sort; find *.partial -path '*sub/file'
      kill -KILL $running; wait $running || true
      """)
    #expect(
      run.output
        == "killed\nx\nanother.3.partial\nout.1.partial\nout.2024.partial\nout.NUMBER.partial\nout.1.partial/sub/file\n",
      "\(run.errors)")
  }

  /// Another user has made what looks like the directory of a killed run, and exchanges a directory in it for a symlink.
  @Test(.enabled(if: geteuid() == 0))
  func removesNothingOfAnotherUsers() throws {
    let run = try script(
      """
      mkdir -m 777 pub; mkdir victim; (cd victim; seq -f f%g 3000 | xargs touch)
      nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
      $nobody sh -ec 'cd pub; mkdir tree.1.partial; cd tree.1.partial; mkdir a; ln -s ../../victim b; cd a; seq -f f%g 3000 | xargs touch'
      $nobody python3 -c '\(Self.exchange)' pub/tree.1.partial/a pub/tree.1.partial/b & attacker=$!
      for round in 1 2 3; do "$tool" unpack small pub/tree; rm -r pub/tree; done
      kill $attacker; wait $attacker || true
      ls victim | wc -l; ls -d pub/tree.1.partial
      """)
    #expect(run.output == "3000\npub/tree.1.partial\n", "\(run.errors)")
  }

  /// Another user, who may write to the directory, puts something else in the place of each new FIFO before it gets its owner
  /// and its mode: a symlink to a file of root's, or a program of their own, which would become a setuid program of root's.
  @Test(.enabled(if: geteuid() == 0), arguments: ["ln -s ../victim pub/other", "cp /bin/true pub/other"])
  func givesNothingToWhatAnotherUserPutsInTheWay(_ making: String) throws {
    let run = try script(
      """
      mkdir fifos pub; (cd fifos; seq -f f%g 2000 | xargs mkfifo; chmod 4777 *); "$tool" pack fifos -o pipes --no-required
      : >victim; chmod 600 victim; chown 65534 pub
      nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
      $nobody \(making)
      $nobody python3 -c '\(Self.exchangeEach)' pub/other pub/f 2000 & attacker=$!
      for round in 1 2 3; do "$tool" unpack --force pipes pub || true; done
      kill $attacker || true; wait $attacker || true
      stat -c %a victim; find pub -type f -user 0
      """)
    #expect(run.output == "600\n", "\(run.errors)")
  }

  /// A Python program that exchanges a name for each of many numbered ones, when that is made, and exchanges them back.
  private static let exchangeEach = """
    import ctypes, sys
    libc = ctypes.CDLL(None)
    link = sys.argv[1].encode()
    names = sorted(f"{sys.argv[2]}{number}".encode() for number in range(1, int(sys.argv[3]) + 1))
    for name in names:
        while libc.renameat2(-100, link, -100, name, 2) != 0: pass
        libc.renameat2(-100, link, -100, name, 2)
    """

  /// A Python program that exchanges two names as fast as it can (renameat2(2), RENAME_EXCHANGE).
  static let exchange = """
    import ctypes, sys
    libc = ctypes.CDLL(None)
    one, other = [name.encode() for name in sys.argv[1:]]
    while True: libc.renameat2(-100, one, -100, other, 2)
    """

  /// A few kilobytes of long names could ask for half a million directories.
  @Test func refusesToMakeManyDirectoriesThatHaveNoEntries() throws {
    let run = try script(
      """
      python3 - <<'END'
      import gzip
      def entry(name, mode):
          name = name.encode() + b"\\0"
          fields = [1, mode, 0, 0, 1, 0, 0, 0, 0, 0, 0, len(name), 0]
          data = b"070701" + b"".join(b"%08X" % field for field in fields) + name
          return data + bytes(-len(data) % 4)
      names = ["%03d" % number + "/a" * 2040 + "/f" for number in range(250)]
      archive = b"".join(entry(name, 0o100644) for name in names) + entry("TRAILER!!!", 0)
      open("deep", "wb").write(gzip.compress(archive))
      END
      "$tool" unpack deep out || echo "exit $?"
      ls -A | grep out || echo nothing
      """)
    #expect(run.output == "exit 2\nnothing\n")
    #expect(run.errors.contains("the archive has no entries for "), "\(run.errors)")
  }

  /// Archives of files alone are common, and each of their directories has some.
  @Test func makesTheDirectoriesOfAnArchiveOfFiles() throws {
    try scratch.shell(
      """
      mkdir files; cd files
      for d in 0 1 2 3 4 5 6 7 8 9; do for e in 0 1 2 3 4 5 6 7 8 9; do mkdir -p a/b/c/d/$d/$e/g/h/i/j; done; done
      for d in a/b/c/d/*/*; do echo x >$d/g/h/i/j/f; done
      find . -type f | cpio -o -H newc --quiet >../files.cpio; cd ..
      "$tool" unpack files.cpio out; diff -r files out
      """)
  }

  private let makeHuge = """
    # Three gigabytes of zeros, made at once.
    python3 - <<'END'
    import gzip
    fields = [1, 0o100644, 0, 0, 1, 0, 3 << 30, 0, 0, 0, 0, 5, 0]
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + b"huge\\0" + bytes(1)
    open("huge", "wb").write(gzip.compress(header) + gzip.compress(bytes(1 << 26)) * 48)
    END
    """

  @Test(arguments: ["KILL", "INT"])
  func neverShowsHalfADirectory(_ signal: String) throws {
    let run = try script(
      """
      \(makeHuge)
      # A shell has what it starts with & ignore SIGINT.
      env --default-signal "$tool" unpack huge out & program=$!
      until ls -d out.*.partial/new/huge 2>/dev/null; do kill -0 $program; done >/dev/null
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
      Place(archive: "small", directory: "fifo", error: "fifo is no directory: name one"),
      Place(archive: "small", directory: "small", error: "small is no directory: name one"),
      Place(archive: "small", directory: "nowhere/out", error: "No such file or directory"),
      Place(archive: "small", directory: "dangling", error: "cannot make the directory dangling"),
      Place(archive: "fifo", directory: "out", error: "fifo"),
      Place(archive: "tree", directory: "out", error: "tree is a directory, not an archive"),
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
