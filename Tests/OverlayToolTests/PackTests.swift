import Foundation
import Testing

/// `pack` puts a whole archive in place or leaves the old one, and says why.
@Suite struct PackTests {
  private let scratch: ToolScratch

  init() throws {
    scratch = try ToolScratch()
    try scratch.shell("chmod 755 .; mkdir tree; echo x >tree/file; echo old >old")
  }

  @Test(.enabled(if: geteuid() == 0), arguments: ["gzip", "zstd", "xz", "none"])
  func keepsTheOldArchiveWhenTheDiskIsFull(_ compression: String) throws {
    let run = try script(
      """
      mount -t tmpfs -o size=1m tmpfs disk; cp old disk/x
      head -c 3000000 /dev/urandom >tree/noise
      "$tool" pack tree -o disk/x --no-required --compression \(compression) || echo "exit $?"
      cat disk/x; ls -A disk
      """)
    #expect(run.output == "exit 2\nold\nx\n")
    #expect(
      run.errors.hasPrefix(
        "monorail-overlay: cannot write disk/x: No space left on device (ENOSPC)\nthe file system of disk is full: "))
    #expect(
      run.errors.hasSuffix(
        "the files that are packed have 2.9 MiB before they are compressed. Remove something there, or name a file on another"
          + " file system.\n"), "\(run.errors)")
  }

  @Test(.enabled(if: geteuid() == 0))
  func namesTheFileThatItMayNotRead() throws {
    let run = try script(
      """
      chmod 600 tree/file; mkdir -m 777 out; cp old out/x
      setpriv --reuid=65534 --regid=65534 --clear-groups ./program pack tree -o out/y --no-required || echo "exit $?"
      ls -A out
      """)
    #expect(run.output == "exit 2\nx\n")
    #expect(run.errors == "monorail-overlay: cannot read tree/file: Permission denied (EACCES)\n")
  }

  /// Killed at a moment when it writes for sure: its output is open, and its source does not end for a long time.
  @Test(arguments: ["KILL", "INT", "TERM"])
  func leavesNothingWhenItIsEnded(_ signal: String) throws {
    let run = try script(
      """
      # A shell has what it starts with & ignore SIGINT.
      mkdir out; cp old out/x; truncate -s 4294967295 tree/huge
      env --default-signal "$tool" pack tree -o out/x --no-required --compression xz & program=$!
      until ls -l /proc/$program/fd | grep -q 'out/.*deleted'; do kill -0 $program; done
      kill -\(signal) $program
      wait $program || echo ended
      cat out/x; ls -A out
      """)
    #expect(run.output == "ended\nold\nx\n")
  }

  struct Place: Sendable, CustomTestStringConvertible {
    let path: String
    let error: String
    var testDescription: String { path }
  }

  @Test(
    arguments: [
      Place(path: "tree", error: "cannot write tree: Is a directory (EISDIR)"),
      Place(path: "tree/x", error: "tree/x is inside tree, which it would be packed into next time"),
      Place(path: "tree/../tree/x", error: "is inside tree"), Place(path: "link/x", error: "is inside tree"),
      Place(path: "nowhere/x", error: "cannot create nowhere/x: No such file or directory"),
      Place(path: "old/x", error: "cannot create old/x: Not a directory"),
      Place(path: "fifo", error: "cannot write fifo: it is a device, a pipe or a socket"),
      Place(path: "to-fifo", error: "cannot write to-fifo: it is a device, a pipe or a socket"),
      Place(path: "/dev/full", error: "cannot write /dev/full: it is a device, a pipe or a socket"),
    ])
  func refusesPlacesThatAreNoFile(_ place: Place) throws {
    try scratch.shell("mkfifo fifo; ln -s fifo to-fifo; ln -s tree link")
    let run = try scratch.tool("pack", "tree", "-o", place.path, "--no-required")
    #expect(run.status == 2)
    #expect(run.errors.hasPrefix("monorail-overlay: ") && run.errors.contains(place.error), "\(run.errors)")
    try scratch.shell("test -p fifo; test -c /dev/full; test -h to-fifo; test \"$(ls tree)\" = file")
  }

  @Test func givesANewArchiveWhatTheUmaskLeavesAndAnotherThePermissionsOfTheOld() throws {
    try scratch.shell(
      """
      umask 027; chmod 604 old; "$tool" pack tree -o new --no-required; "$tool" pack tree -o old --no-required
      test "$(stat -c %a new)" = 640; test "$(stat -c %a old)" = 604
      """)
  }

  @Test func saysWhatItHasWritten() throws {
    let run = try scratch.tool("pack", "tree", "-o", "x.cpio.gz", "--no-required")
    #expect(run.status == 0 && run.output == "")
    let archive = try Data(contentsOf: URL(filePath: scratch("x.cpio.gz")))
    try scratch.shell("sha256sum x.cpio.gz >sum")
    let digest = try String(contentsOfFile: scratch("sum"), encoding: .utf8).prefix(64)
    let line = "monorail-overlay: x.cpio.gz: \(archive.count) bytes, 2 entries, sha256 \(digest)\n"
    #expect(geteuid() == 0 ? run.errors == line : run.errors.hasPrefix(line), "\(run.errors)")
  }

  /// The kernel does not show the attribute to other users.
  @Test(.enabled(if: geteuid() == 0))
  func saysWithoutRootThatOpaqueDirectoriesWereNotLookedFor() throws {
    let run = try script(
      """
      mkdir -m 777 out; mkdir tree/opaque; setfattr -n trusted.overlay.opaque -v y tree/opaque
      ./program pack tree -o out/y --no-required || echo "exit $?"
      setpriv --reuid=65534 --regid=65534 --clear-groups ./program pack tree -o out/x --no-required
      """)
    #expect(run.output == "exit 2\n")
    #expect(run.errors.contains("tree/opaque is an opaque directory"))
    #expect(run.errors.contains("opaque directories were not looked for"), "\(run.errors)")
  }

  struct Name: Sendable, CustomTestStringConvertible {
    let name: String
    var options: [String] = []
    /// The first bytes of the archive; `nil` when this is wrong usage.
    let magic: [UInt8]?
    var testDescription: String { ([name] + options).joined(separator: " ") }
  }

  private static let gzip: [UInt8] = [0x1F, 0x8B]
  private static let zstd: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
  private static let xz: [UInt8] = [0xFD, 0x37, 0x7A]

  @Test(
    arguments: [
      Name(name: "x.cpio.gz", magic: gzip), Name(name: "x.cpio.zst", magic: zstd), Name(name: "x.cpio.xz", magic: xz),
      Name(name: "x.cpio", magic: Array("070701".utf8)), Name(name: "x", magic: gzip), Name(name: "gz", magic: gzip),
      Name(name: "x.d/xz", magic: gzip), Name(name: "x.cpio", options: ["--compression", "zstd"], magic: zstd),
      Name(name: "x", options: ["--compression", "xz"], magic: xz),
      Name(name: "x.cpio.xz", options: ["--compression", "xz", "--level", "9"], magic: xz),
      Name(name: "x.cpio.zst", options: ["--level", "19"], magic: zstd),
      Name(name: "x.cpio.gz", options: ["--level", "19"], magic: nil),
      Name(name: "x.cpio.zst", options: ["--compression", "gzip"], magic: nil),
      Name(name: "x.cpio.gz", options: ["--compression", "none"], magic: nil), Name(name: "x.cpio.bz2", magic: nil),
    ])
  func theNameSaysHowAnArchiveIsCompressed(_ example: Name) throws {
    try scratch.shell("mkdir x.d; \"$tool\" pack tree -o one.cpio --no-required 2>two.cpio; cp one.cpio two.cpio")
    for command in [["pack", "tree", "--no-required"], ["merge", "one.cpio", "two.cpio"]] {
      try? FileManager.default.removeItem(atPath: scratch(example.name))
      let run = try ToolRun(command + ["-o", example.name] + example.options, in: scratch.path)
      #expect(run.status == (example.magic == nil ? 64 : 0), "\(run.errors)")
      let found = FileManager.default.contents(atPath: scratch(example.name)).map { Array($0) }
      #expect(found?.starts(with: example.magic ?? []) == (example.magic == nil ? nil : true))
    }
  }

  @Test func namesAllThatAnArchiveCannotHold() throws {
    try scratch.shell("truncate -s 4G tree/huge; truncate -s 4294967295 tree/fits; : >'tree/TRAILER!!!'")
    let run = try scratch.tool("pack", "tree", "-o", "x", "--no-required")
    #expect(run.status == 2)
    #expect(run.errors.contains("huge has 4294967296 bytes; a file in a newc archive has less than 4 GiB"))
    #expect(run.errors.contains("TRAILER!!! has the name that ends a cpio archive"))
    #expect(!run.errors.contains("fits"))
  }

  @Test(.enabled(if: geteuid() == 0))
  func refusesAMountPoint() throws {
    let run = try script(
      """
      mkdir tree/mounted; mount -t tmpfs tmpfs tree/mounted
      "$tool" pack tree -o x --no-required || echo "exit $?"
      """)
    #expect(run.output == "exit 2\n")
    #expect(run.errors.contains("tree/mounted is a mount point: unmount it"))
  }

  // MARK: Manifests

  private func pack(manifest: String) throws -> [String] {
    try manifest.write(toFile: scratch("m"), atomically: false, encoding: .utf8)
    try scratch.shell("mkdir -p tree/bin; echo y >tree/bin/a; ln -f tree/bin/a tree/bin/b; chmod 755 tree/bin/a")
    let run = try scratch.tool("pack", "tree", "-o", "x", "--no-required", "--manifest", "m")
    guard run.status == 0 else { throw Failure(run.errors) }
    return try scratch.tool("list", "x").lines
  }

  @Test func makesTheDirectoriesAboveWhatAManifestAdds() throws {
    let list = try pack(manifest: "dev/input/console c 600 0 5 5 1\ndev d 750 0 0\n")
    #expect(list.contains { $0.hasPrefix("drwxr-x---") && $0.hasSuffix(" dev") })
    #expect(list.contains { $0.hasPrefix("drwxr-xr-x") && $0.hasSuffix(" dev/input") })
    #expect(list.contains { $0.hasPrefix("crw-------") && $0.hasSuffix(" dev/input/console") })
  }

  /// The kernel's unpacker makes no directory that has no entry before what is in it.
  @Test(arguments: [":", "mkdir -p skeleton/opt"])
  func makesTheDirectoriesAboveTheRequiredFiles(_ skeleton: String) throws {
    try scratch.shell(
      """
      chmod 644 tree/file; mkdir skeleton; \(skeleton); cp old rc; cp old agent
      "$tool" pack tree -o x --skeleton skeleton --rc-local rc --agent agent --compression none
      mkdir out; cd out; cpio -i --quiet <../x
      """)
    let names = try scratch.tool("list", "x").lines.map { $0.split(separator: " ") }.map { "\($0[0]) \($0[6])" }
    let directory = "drwxr-xr-x"
    #expect(
      names == [
        "\(directory) .", "\(directory) etc", "-rwxr-xr-x etc/rc.local", "-rw-r--r-- file", "\(directory) opt",
        "\(directory) opt/monorail", "-rwxr-xr-x opt/monorail/monorail-agent",
      ])
  }

  @Test(arguments: ["a", "b"])
  func givesEveryNameOfAFileWhatTheManifestSaysOfOne(_ name: String) throws {
    let list = try pack(manifest: "bin/\(name) f 4711 3 4\n").filter { $0.hasPrefix("-rws--x--x") }
    #expect(list.count == 2)
  }

  @Test(arguments: [
    ("file/x p 600 0 0", "file/x cannot be packed: in tree file is a file"),
    ("gone f 600 0 0", "the manifest names gone, but tree has no such file"),
    ("file d 755 0 0", "the manifest says that file is of the type \"d\", but in tree it is a file"),
    ("big c 600 0 0 4096 0", "the manifest: big is the device 4096:0"),
  ])
  func refusesAManifestThatDoesNotFit(_ line: String, _ error: String) throws {
    let failure = #expect(throws: Failure.self) { try pack(manifest: line + "\n") }
    #expect(failure?.description.contains(error) == true, "\(failure?.description ?? "")")
  }

  /// In a mount namespace of its own; `$tool` and `./program` are the program.
  private func script(_ script: String) throws -> ToolRun {
    try scratch.shell("mkdir disk; cp \"$tool\" program")
    let arguments = geteuid() == 0 ? ["unshare", "--mount"] : []
    return try ToolRun(
      arguments + ["sh", "-euc", script], in: scratch.path, environment: ["tool": ToolRun.program],
      program: "/usr/bin/env")
  }
}
