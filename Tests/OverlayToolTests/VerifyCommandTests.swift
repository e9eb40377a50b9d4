import Foundation
import JSONDocument
import Overlay
import Testing

@Suite struct VerifyCommandTests {
  private let scratch: ToolScratch

  init() throws {
    scratch = try ToolScratch()
    try scratch.shell(
      #"""
      umask 022
      mkdir -p good/opt bad/opt bad/usr/bin base/usr/bin base/etc
      ln -s usr/bin base/bin
      ln -s usr/lib base/lib
      cp /bin/busybox base/usr/bin/sh
      printf '#!/bin/sh\n' >good/opt/run
      printf '#!/usr/bin/env perl\n' >bad/usr/bin/run
      ln -s gone "bad/opt/$(printf 'a\nb\377')"
      chmod 755 good/opt/run bad/usr/bin/run
      "$tool" pack good --agent /bin/busybox -o good.overlay.cpio.gz
      "$tool" pack bad --agent /bin/true -o bad.cpio.gz
      mksquashfs base base.img -quiet -no-progress
      """#)
  }

  @Test func aGoodOverlay() throws {
    let run = try scratch.tool("verify", "good.overlay.cpio.gz", "--base", "base.img")
    #expect(run.output == "good.overlay.cpio.gz: no complaints\n")
    #expect(run.errors.isEmpty && run.status == 0)
  }

  @Test func eachFindingIsALineErrorsFirst() throws {
    let run = try scratch.tool("verify", "bad.cpio.gz", "--base", "base.img")
    #expect(run.status == 1)
    #expect(run.errors.isEmpty)
    let loader = "which is neither in the overlay nor in the base"
    #expect(
      run.lines.filter { !$0.contains("ld-linux") } == [
        "error: opt/monorail/monorail-agent: is linked dynamically (to libc.so.6), so that it runs only on some base images;"
          + " scripts/build-agent makes the right one [agent]",
        "error: opt/monorail/monorail-agent: needs the library libc.so.6, \(loader) where the loader looks [library]",
        "error: usr/bin/run: has the interpreter /usr/bin/env, \(loader) [interpreter]",
        "warning: the name bad.cpio.gz follows neither overlayfs_<kernel>_<content>.cpio.gz nor"
          + " <content>.overlay.cpio.gz (.zst, .xz or nothing for .gz) [name]",
        "warning: opt/a\\012b\\377: is a symlink to gone, \(loader) [link]",
        "bad.cpio.gz: 4 errors, 2 warnings",
      ])
    #expect(run.lines.count == 7)
  }

  @Test func withoutABaseItSaysWhatIsNotChecked() throws {
    let unchecked =
      "(not checked without a base: interpreters, libraries and link targets that are not in the overlay, the kernel of its"
      + " modules)"
    let meant = try scratch.tool("verify", "good.overlay.cpio.gz", "--no-base")
    #expect(meant.output == "good.overlay.cpio.gz: no complaints \(unchecked)\n")
    let forgotten = try scratch.tool("verify", "good.overlay.cpio.gz")
    #expect(forgotten.status == 0)
    #expect(forgotten.lines.first?.hasPrefix("warning: no base image was given") == true)
    #expect(forgotten.lines.last == "good.overlay.cpio.gz: no errors, 1 warning \(unchecked)")
  }

  @Test func printsJSON() throws {
    let run = try scratch.tool("verify", "bad.cpio.gz", "--base", "base.img", "--json")
    #expect(run.status == 1)
    let document = try JSON(parsing: run.output)
    #expect(document["errors"] == 4 && document["warnings"] == 2)
    #expect(document["base"] == "base.img" && document["unchecked"] == [])
    let findings = document["findings"]?.arrayValue ?? []
    #expect(findings.count == 6)
    #expect(
      findings.map { $0["severity"]?.stringValue } == Array(repeating: "error", count: 4) + ["warning", "warning"])
    #expect(findings.last?["path"] == "opt/a\nb\u{FFFD}" && findings.last?["pathHex"] == "6f70742f610a62ff")
    #expect(findings[4]["path"] == nil && findings[4]["kind"] == "name" && findings[3]["kind"] == "interpreter")
    #expect(document["ignored"] == [])
  }

  @Test func aNodeOfAnotherKind() throws {
    #if arch(arm64)
      let other = "x86_64"
    #else
      let other = "aarch64"
    #endif
    let run = try scratch.tool("verify", "good.overlay.cpio.gz", "--no-base", "--arch", other)
    #expect(run.status == 1)
    #expect(
      run.lines.first?.hasSuffix("the nodes are \(other); scripts/build-agent makes the right one [agent]") == true)
  }

  @Test func whatCannotBeReadIsAFailureInOneLine() throws {
    try scratch.shell("head -c 1000 good.overlay.cpio.gz >cut.overlay.cpio.gz; echo hello >text.overlay.cpio.gz")
    for (arguments, reason) in [
      (["none.cpio.gz"], "cannot open none.cpio.gz: No such file or directory (ENOENT)"),
      (["cut.overlay.cpio.gz"], "cut.overlay.cpio.gz: "),
      (["text.overlay.cpio.gz"], "text.overlay.cpio.gz is no overlay archive: it is text; an overlay is what pack"),
      (["good.overlay.cpio.gz", "--base", "none.img"], "cannot open none.img: No such file or directory (ENOENT)"),
      (
        ["good.overlay.cpio.gz", "--base", "good.overlay.cpio.gz"],
        "the base good.overlay.cpio.gz is no squashfs image: it is a newc cpio archive, compressed with gzip; --base takes"
      ),
      (["good.overlay.cpio.gz", "--max-entries", "3"], "good.overlay.cpio.gz: "),
    ] {
      let run = try ToolRun(["verify"] + arguments, in: scratch.path)
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(run.errors.hasPrefix("monorail-overlay: \(reason)"), "\(run.errors)")
      #expect(run.errors.split(separator: "\n").count == 1)
    }
  }

  @Test(arguments: [
    ["--base", "base.img", "--no-base"], ["--arch", "vax"], ["--max-size", "0"], ["--max-size", "x"],
    ["--ignore", "a:b"], ["--ignore", ""],
  ])
  func wrongUsage(_ arguments: [String]) throws {
    #expect(try ToolRun(["verify", "good.overlay.cpio.gz"] + arguments, in: scratch.path).status == 64)
  }

  @Test func manyFindingsOfOneCauseAreOneLine() throws {
    try scratch.shell(
      #"""
      mkdir -p many/usr/bin
      for name in a b c d e; do printf '#!/usr/bin/perl\n' >many/usr/bin/$name; ln -s gone-$name many/$name; done
      chmod 755 many/usr/bin/*
      "$tool" pack many --agent /bin/busybox -o many.overlay.cpio.gz
      """#)
    let run = try scratch.tool("verify", "many.overlay.cpio.gz", "--base", "base.img")
    #expect(
      run.lines == [
        "error: each of 5 entries has the interpreter /usr/bin/perl, which is neither in the overlay nor in the base"
          + " [interpreter]: usr/bin/a, usr/bin/b, usr/bin/c and 2 more; --all shows each",
        "warning: each of 5 entries is a symlink to a path that is neither in the overlay nor in the base [link]: a, b, c"
          + " and 2 more; --all shows each",
        "many.overlay.cpio.gz: 5 errors, 5 warnings",
      ])
    let all = try scratch.tool("verify", "many.overlay.cpio.gz", "--base", "base.img", "--all")
    #expect(all.lines.count == 11 && all.lines.contains { $0.hasPrefix("error: usr/bin/d: has the interpreter") })
    let json = try scratch.tool("verify", "many.overlay.cpio.gz", "--base", "base.img", "--json")
    #expect(try JSON(parsing: json.output)["findings"]?.arrayValue?.count == 10)
  }

  @Test func singleFindingsCanBeIgnored() throws {
    let ignored = ["--ignore", "usr/bin/run:interpreter", "--ignore", "opt/monorail/*", "--ignore", ":name"]
    let run = try ToolRun(["verify", "bad.cpio.gz", "--base", "base.img"] + ignored, in: scratch.path)
    #expect(run.status == 0)
    #expect(
      run.lines == [
        "warning: opt/a\\012b\\377: is a symlink to gone, which is neither in the overlay nor in the base [link]",
        "bad.cpio.gz: no errors, 1 warning, 5 ignored",
      ])
    let json = try ToolRun(["verify", "bad.cpio.gz", "--base", "base.img", "--json"] + ignored, in: scratch.path)
    let document = try JSON(parsing: json.output)
    #expect(document["errors"] == 0 && document["ignored"]?.arrayValue?.count == 5)
  }

  @Test func whatIsIgnoredWithoutNeedIsSaid() throws {
    let run = try scratch.tool(
      "verify", "good.overlay.cpio.gz", "--base", "base.img", "--ignore", "opt/run:link", "--ignore", "x")
    #expect(
      run.lines == [
        "warning: --ignore opt/run:link matches no finding: leave it out, or correct its path or kind [ignore]",
        "warning: --ignore x matches no finding: leave it out, or correct its path or kind [ignore]",
        "good.overlay.cpio.gz: no errors, 2 warnings",
      ])
  }

  @Test func theHelpNamesEveryKind() throws {
    let help = try scratch.tool("help", "verify").output.split(whereSeparator: \.isWhitespace).map(String.init)
    for kind in Finding.Kind.allCases { #expect(help.contains(kind.rawValue), "\(kind.rawValue)") }
  }

  @Test(arguments: [
    ("cp base.img x", "a squashfs image; give a base image with --base"),
    ("gzip -c base.img >x", "a squashfs image, compressed with gzip"),
    ("cp /bin/true x", "an ELF file: a program"),
    ("gzip -c /bin/true >x", "an ELF file: a program, a library or a module, compressed with gzip"),
    ("echo '{}' >x", "text; an overlay is what"),
    ("echo '<!DOCTYPE html><p>404' >x", "a web page; a web server may have sent it"),
    (
      "cd good; ls | cpio -o --quiet >../x",
      "a cpio archive in the old binary format; nodes read the newc format alone: make the archive with cpio -o -H newc"
    ),
    (
      "cd good; ls | cpio -o --quiet -H odc | gzip >../x",
      "a cpio archive in the odc format, compressed with gzip; nodes read the newc format"
    ),
    ("tar cf x good", "a tar archive; unpack it"), ("tar cJf x good", "a tar archive, compressed with xz"),
    ("bzip2 -c base.img >x", "a file compressed with bzip2"), ("printf '!<arch>\n' >x", "a Debian package"),
  ])
  func saysWhatAnotherFileIs(_ making: String, _ reason: String) throws {
    try scratch.shell(making)
    for command in [
      ["verify", "x", "--no-base"], ["list", "x"], ["diff", "x", "x"], ["merge", "x", "x", "-o", "y"],
    ] {
      let run = try ToolRun(command, in: scratch.path)
      #expect(run.status == 2 && run.output.isEmpty)
      #expect(run.errors.hasPrefix("monorail-overlay: x is no overlay archive: it is \(reason)"), "\(run.errors)")
    }
  }

  @Test func aDirectoryInTheArchivesPlace() throws {
    let run = try scratch.tool("verify", "good", "--no-base")
    #expect(
      run.errors
        == "monorail-overlay: good is a directory, not an archive: \"monorail-overlay pack\" makes an archive of it\n")
  }

  /// Opening a FIFO would wait for somebody who writes to it.
  @Test func aBaseThatIsNoImage() throws {
    try scratch.shell("mkfifo fifo")
    let remedy = "--base takes a squashfs image, as scripts/build-base-image makes it"
    for (base, reason) in [
      ("fifo", "the base fifo is neither a file nor a block device: \(remedy)"),
      ("/dev/null", "the base /dev/null is neither a file nor a block device: \(remedy)"),
      ("base", "the base base is a directory: \(remedy)"),
    ] {
      let run = try ToolRun(
        ["10", ToolRun.program, "verify", "good.overlay.cpio.gz", "--base", base], in: scratch.path,
        program: "/usr/bin/timeout")
      #expect(run.status == 2 && run.errors == "monorail-overlay: \(reason)\n")
    }
  }

  /// cpio stops at the first end; stage 1 goes on where it can.
  @Test(arguments: [
    (
      "cat a b | gzip -c >x.overlay.cpio.gz",
      "warning: b: stands behind the end of the first archive in the file: an initramfs"
    ),
    ("cat a b >x.overlay.cpio", "warning: b: stands behind the end of the first archive in the file: an initramfs"),
    ("gzip -c a >x.overlay.cpio.gz; gzip -c b >>x.overlay.cpio.gz", "warning: b: stands behind"),
    (
      "cat a >x.overlay.cpio; gzip -c b >>x.overlay.cpio",
      "error: b: stands behind the end of the first archive in the file, and not all of them are compressed alike"
    ),
    (
      "gzip -c a >x.overlay.cpio.xz; xz -c b >>x.overlay.cpio.xz",
      "error: b: stands behind the end of the first archive in the file, and not all"
    ),
    (
      "cat p q >x.overlay.cpio",
      "error: b: stands behind the end of the first archive in the file, and an archive begins at the decompressed byte"
    ),
  ])
  func archivesBehindOneAnother(_ making: String, _ finding: String) throws {
    try scratch.shell(
      """
      for name in a b; do mkdir -p $name.d/$name; (cd $name.d; echo $name | cpio -oH newc --quiet) >$name; done
      "$tool" pack a.d -o p --compression none --no-required; "$tool" pack b.d -o q --compression none --no-required
      \(making)
      ls x.* >name
      """)
    let name = try String(contentsOfFile: scratch("name"), encoding: .utf8).trimmingCharacters(in: .newlines)
    let run = try scratch.tool("verify", name, "--no-base")
    #expect(
      run.lines.contains { $0.hasPrefix(finding) || finding.hasPrefix("error") && $0.contains(finding.dropFirst(10)) },
      "\(run.output)")
    let list = try scratch.tool("list", name)
    #expect(
      list.status == 0
        && list.errors.hasPrefix("monorail-overlay: warning: \(name) holds 2 archives behind one another"))
  }
}
