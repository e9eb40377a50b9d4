import Foundation
import JSONDocument
import Testing

@Suite struct VerifyCommandTests {
  private let scratch: ToolScratch

  init() throws {
    scratch = try ToolScratch()
    try scratch.shell(
      #"""
      umask 022
      mkdir -p good/opt bad/opt base/usr/bin base/etc
      ln -s usr/bin base/bin
      ln -s usr/lib base/lib
      cp /bin/busybox base/usr/bin/sh
      printf '#!/bin/sh\n' >good/opt/run
      printf '#!/usr/bin/env perl\n' >bad/opt/run
      ln -s gone "bad/opt/$(printf 'a\nb\377')"
      chmod 755 good/opt/run bad/opt/run
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
          + " scripts/build-agent makes the right one",
        "error: opt/monorail/monorail-agent: needs the library libc.so.6, \(loader) where the loader looks",
        "error: opt/run: has the interpreter /usr/bin/env, \(loader)",
        "warning: the name bad.cpio.gz follows neither overlayfs_<kernel>_<content>.cpio.gz nor"
          + " <content>.overlay.cpio.gz (.zst, .xz or nothing for .gz)",
        "warning: opt/a\\012b\\377: is a symlink to gone, \(loader)",
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
    #expect(findings[4]["path"] == nil)
  }

  @Test func aNodeOfAnotherKind() throws {
    #if arch(arm64)
      let other = "x86_64"
    #else
      let other = "aarch64"
    #endif
    let run = try scratch.tool("verify", "good.overlay.cpio.gz", "--no-base", "--arch", other)
    #expect(run.status == 1)
    #expect(run.lines.first?.hasSuffix("the nodes are \(other); scripts/build-agent makes the right one") == true)
  }

  @Test func whatCannotBeReadIsAFailureInOneLine() throws {
    try scratch.shell("head -c 1000 good.overlay.cpio.gz >cut.overlay.cpio.gz; echo hello >text.overlay.cpio.gz")
    for (arguments, reason) in [
      (["none.cpio.gz"], "cannot open none.cpio.gz: No such file or directory (ENOENT)"),
      (["cut.overlay.cpio.gz"], "cut.overlay.cpio.gz: "), (["text.overlay.cpio.gz"], "text.overlay.cpio.gz: "),
      (["good.overlay.cpio.gz", "--base", "none.img"], "cannot open none.img: No such file or directory (ENOENT)"),
      (
        ["good.overlay.cpio.gz", "--base", "good.overlay.cpio.gz"],
        "cannot read the base image good.overlay.cpio.gz: unsquashfs failed with exit code 1: FATAL ERROR"
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
  ])
  func wrongUsage(_ arguments: [String]) throws {
    #expect(try ToolRun(["verify", "good.overlay.cpio.gz"] + arguments, in: scratch.path).status == 64)
  }
}
