import Foundation
import Testing

/// How stage 1 unpacks overlays: all that is in them, and nothing of one that is damaged.
@Suite(.timeLimit(.minutes(30))) struct ArchiveTests {
  /// A machine whose overlay `lines` make: they write it to standard output, from the archives `a`, `b` and `c`, which
  /// bring /etc/a, /etc/b and /etc/c. `c` has a sum for each file.
  private func machine(_ shell: Shell, _ lines: String) throws -> StageOne {
    let machine = try StageOne(shell, "BASEFS=http://h/base.img OVERLAYFS=http://h/one.cpio.gz")
    try machine.addNIC("eth0", mac: "00:1e:67:98:bc:7e")
    let made = try machine.run(
      """
      pack() { mkdir -p "$D/$1/etc" && cd "$D/$1" && head -c 3000 /dev/zero | tr '\\0' "$1" >"etc/$1" &&
        find . | cpio -o -H "$2" --quiet >"$D/$1.cpio"; }
      pack a newc && pack b newc && pack c crc && cd "$D" || exit
      { \(lines)
      } >files/one.cpio.gz
      """, under: .dash)
    try #require(made.status == 0, "\(made.output)")
    return machine
  }

  private func unpacked(_ machine: StageOne) -> Set<String> {
    let place = machine.path("run/microkernel/overlay/1/etc")
    return Set((try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [])
  }

  /// Shell commands that write the archives, and the files that the node must have then.
  struct Whole: Sendable, CustomTestStringConvertible {
    let lines: String
    let files: Set<String>
    var testDescription: String { lines }
  }

  @Test(
    "All archives in one file are unpacked",
    arguments: [
      Whole(lines: "cat a.cpio", files: ["a"]), Whole(lines: "cat c.cpio", files: ["c"]),
      Whole(lines: "cat a.cpio b.cpio", files: ["a", "b"]),
      Whole(lines: "cat a.cpio b.cpio c.cpio | gzip", files: ["a", "b", "c"]),
      Whole(lines: "gzip -c a.cpio b.cpio", files: ["a", "b"]),
      Whole(lines: "zstd -qc a.cpio b.cpio", files: ["a", "b"]),
      Whole(lines: "xz -c a.cpio; xz -c b.cpio", files: ["a", "b"]),
      Whole(lines: "cat a.cpio; head -c 10240 /dev/zero", files: ["a"]),
      Whole(lines: "cat a.cpio; head -c 2048 /dev/zero; cat b.cpio; head -c 512 /dev/zero", files: ["a", "b"]),
      // More than a pipe holds, behind the first archive's end.
      Whole(
        lines: "cat a.cpio; cd b && head -c 3000000 /dev/zero >etc/b && find . | cpio -o -H newc --quiet",
        files: ["a", "b"]
      ),
      // Absolute names: the first lies below the machine's own directory.
      Whole(lines: "{ echo /; find \"$D/a\"; } | cpio -o -H newc --quiet; cat b.cpio", files: ["b"]),
    ], Shell.allCases)
  func whole(_ archives: Whole, shell: Shell) throws {
    let machine = try machine(shell, archives.lines)
    let (output, status) = try machine.run("mountroot && echo switched")
    #expect(status == 0 && output.contains("switched"), "\(output) \(machine.text("dev/ttyS0"))")
    #expect(unpacked(machine) == archives.files)
    #expect(!machine.text("calls").contains("reboot"))
  }

  @Test("A file of two archives where the second brings a file again keeps the second one's", arguments: Shell.allCases)
  func laterWins(shell: Shell) throws {
    let machine = try machine(shell, "cat a.cpio; cp b/etc/b a/etc/a; cd a; find . | cpio -o -H newc --quiet")
    #expect(try machine.run("mountroot").status == 0)
    #expect(machine.text("run/microkernel/overlay/1/etc/a").hasPrefix("bbb"))
  }

  @Test(
    "A damaged overlay is refused, also where nothing has a digest",
    arguments: [
      // Archives with added, missing and changed bytes, in headers and in contents that have a checksum.
      "head -c 200 a.cpio; printf junkjunk; tail -c +201 a.cpio", "head -c 120 a.cpio; tail -c +125 a.cpio",
      "sed s/070701/07070x/2 a.cpio", "sed s/070701/070711/3 a.cpio", "sed s/cccccc/cccdcc/ c.cpio",
      "head -c 2000 a.cpio",
      "sed s/cccccc/cccdcc/ c.cpio | gzip", "cat a.cpio; head -c 600 /dev/zero | tr '\\0' x",
      "cat a.cpio; head -c 1000 b.cpio", "cat a.cpio; sed s/cccccc/cccdcc/ c.cpio",
      "cat a.cpio; echo '<html>'", "i=0; while [ $i -lt 70 ]; do cat b.cpio; i=$((i + 1)); done",
    ], Shell.allCases)
  func damaged(lines: String, shell: Shell) throws {
    let machine = try machine(shell, lines)
    let (output, _) = try machine.run("mountroot && echo switched")
    #expect(!output.contains("switched"))
    #expect(machine.text("dev/ttyS0").contains("cannot boot: cannot unpack http://h/one.cpio.gz: "))
    #expect(machine.text("calls").hasSuffix("sync \nreboot -f\n"))
  }
}
