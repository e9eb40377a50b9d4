import Foundation
import Testing

/// The kernel's own unpacker, in a virtual machine: what it makes of an archive is what was packed.
@Suite(.enabled(if: geteuid() == 0 && ProcessInfo.processInfo.environment["MONORAIL_KERNEL"] != "none"))
struct KernelTests {
  /// Each packs `tree` as `initrd`; an initrd can be several archives behind one another.
  private static let packings = [
    "pack tree --compression gzip", "pack tree --compression gzip --level 12", "pack tree --compression xz",
    "pack tree --compression zstd", "pack tree --compression none",
  ]

  /// Prints what is in /t, as busybox sees it.
  private static let listing = """
    cd "$1" || exit
    $busybox find t -print0 | $busybox sort -z | $busybox xargs -0 $busybox stat -c '%n %f %u %g %h %t:%T %Y'
    $busybox find t -type f -print0 | $busybox sort -z | $busybox xargs -0 $busybox sha256sum
    $busybox find t -type l -print0 | $busybox sort -z | while read -r -d '' link; do $busybox readlink "$link"; done
    for name in bin/twin etc/third; do [ "t/$name" -ef t/bin/tool ] && echo "$name is the tool"; done
    echo the end
    """

  @Test(arguments: packings)
  func makesWhatWasPacked(_ packing: String) throws {
    let scratch = try Self.scratch()
    try scratch.shell("\"$tool\" \(packing) -o initrd --no-required --owner keep --mtime keep")
    try Self.checkBoot(scratch)
  }

  @Test func readsArchivesBehindOneAnother() throws {
    let scratch = try Self.scratch()
    try scratch.shell(
      """
      pack="pack --no-required --owner keep --mtime keep"
      mkdir -p first/t/etc; mv tree/t/etc/third tree/t/etc/theirs first/t/etc; cp -a tree second
      # Hard links do not reach from one archive into another.
      rm first/t/etc/third; ln tree/t/bin/tool tree/t/etc/third; ln second/t/bin/tool second/t/etc/third
      cp -a first/t/etc/theirs tree/t/etc; touch -d @1600000000 tree/t first/t second/t tree/t/etc first/t/etc second/t/etc
      "$tool" $pack first -o first.cpio --compression none; "$tool" $pack second -o second.cpio --compression gzip
      cat first.cpio second.cpio >initrd
      """)
    try Self.checkBoot(scratch)
  }

  // Without what the listing cannot print, and without hard links of symlinks: each becomes a symlink of its own.
  private static func scratch() throws -> ToolScratch {
    let scratch = try ToolScratch()
    try scratch.shell(
      #"""
      mkdir -p tree/t tree/bin tree/proc
      (cd tree/t; \#(ToolScratch.everything)
        rm "$(printf 'line\nbreak')" deep/twin-link; find . -exec touch -h -d @1600000000 {} +)
      cp "$(command -v busybox)" tree/bin/busybox
      cat >tree/list <<'END'
      \#(listing)
      END
      cat >tree/init <<'END'
      #!/bin/busybox sh
      export busybox=/bin/busybox
      # No line ends of terminals.
      $busybox stty -opost </dev/console
      echo the begin
      $busybox sh /list /
      $busybox poweroff -f
      END
      chmod 755 tree/init
      """#)
    return scratch
  }

  private static func checkBoot(_ scratch: ToolScratch) throws {
    let kernel = try #require(
      ProcessInfo.processInfo.environment["MONORAIL_KERNEL"],
      "MONORAIL_KERNEL names no kernel: run scripts/test, which fetches one, or say MONORAIL_KERNEL=none")
    try scratch.shell(
      """
      timeout -s KILL 600 qemu-system-x86_64 -accel tcg -m 256 -nodefaults -no-reboot -display none -serial stdio \
        -kernel "$kernel" -initrd initrd -append 'console=ttyS0 panic=-1 quiet loglevel=0 no_timer_check' </dev/null >console
      busybox=busybox busybox sh tree/list tree >expected
      sed -n '/^the begin/,/^the end/p' console | tail -n +2 >found
      """, environment: ["kernel": kernel])
    let run = try ToolRun(["-a", "-u", "expected", "found"], in: scratch.path, program: "/usr/bin/diff")
    #expect(run.status == 0, "\(run.output)")
    #expect(try ToolRun(["-ac", "^the end", "found"], in: scratch.path, program: "/bin/grep").output == "1\n")
  }
}
