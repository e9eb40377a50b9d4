import Foundation
import JSONDocument
import Testing

@Suite struct MergeCommandTests {
  private let scratch: ToolScratch

  init() throws {
    scratch = try ToolScratch()
    try scratch.shell(
      #"""
      umask 022
      mkdir -p a/etc b/etc same/etc link over/etc
      echo one >a/etc/conf; echo a >a/etc/a; echo two >b/etc/conf; echo b >b/etc/b; echo one >same/etc/conf
      ln -s elsewhere link/etc; echo over >over/etc/over
      for tree in a b same link over; do
        "$tool" pack $tree -o $tree.cpio.gz --no-required --mtime 1714564800
      done
      """#)
  }

  private func names(_ archive: String) throws -> [String] {
    try scratch.tool("list", archive).lines.map { String($0.dropFirst(54)) }
  }

  @Test func laterOnesWinWithAWarningForEachConflict() throws {
    let run = try scratch.tool("merge", "a.cpio.gz", "b.cpio.gz", "-o", "m.cpio.gz")
    #expect(run.status == 0)
    #expect(run.output.isEmpty)
    #expect(
      run.errors == """
        monorail-overlay: warning: etc/conf: b.cpio.gz overrides a.cpio.gz: content 2c8b08da5ce6 -> 27dd8ed44a83

        """)
    #expect(try names("m.cpio.gz") == [".", "etc", "etc/a", "etc/b", "etc/conf"])
    try scratch.shell("\"$tool\" unpack m.cpio.gz m && cmp m/etc/conf b/etc/conf && cmp m/etc/a a/etc/a")
  }

  @Test func strictnessLeavesTheOutputAlone() throws {
    try scratch.shell("echo precious >m.cpio.gz")
    let run = try scratch.tool("merge", "--strict", "a.cpio.gz", "b.cpio.gz", "-o", "m.cpio.gz")
    #expect(run.status == 1)
    #expect(run.errors.contains("monorail-overlay: etc/conf: b.cpio.gz overrides a.cpio.gz: content "))
    #expect(run.errors.hasSuffix("monorail-overlay: m.cpio.gz was not written: 1 conflict\n"))
    try scratch.shell("test \"$(cat m.cpio.gz)\" = precious")
    let calm = try scratch.tool("merge", "--strict", "a.cpio.gz", "same.cpio.gz", "-o", "m.cpio.gz")
    #expect(calm.status == 0)
    #expect(calm.errors.isEmpty)
  }

  @Test func conflictsAreListedAsJSON() throws {
    let run = try scratch.tool("merge", "--json", "a.cpio.gz", "b.cpio.gz", "-o", "m.cpio.gz")
    #expect(run.errors.isEmpty)
    let conflict: JSON = [
      "path": "etc/conf", "winner": "b.cpio.gz", "loser": "a.cpio.gz", "differences": ["content"], "hidden": 0,
    ]
    #expect(try JSON(parsing: run.output) == ["entries": 5, "combined": [], "made": [], "conflicts": [conflict]])
    let strict = try scratch.tool("merge", "--json", "--strict", "a.cpio.gz", "b.cpio.gz", "-o", "n.cpio.gz")
    #expect(strict.status == 1)
    #expect(try JSON(parsing: strict.output) == ["entries": nil, "combined": [], "made": [], "conflicts": [conflict]])
    #expect(!FileManager.default.fileExists(atPath: "\(scratch.path)/n.cpio.gz"))
  }

  @Test func aDirectoryInASymlinksPlaceNeedsTheBase() throws {
    let run = try scratch.tool("merge", "link.cpio.gz", "over.cpio.gz", "-o", "m.cpio.gz")
    #expect(run.status == 2)
    #expect(
      run.errors.split(separator: "\n").last
        == """
        monorail-overlay: etc is a directory in over.cpio.gz, over a symlink in link.cpio.gz: whatever the base image has \
        there must stay hidden, which an archive can only say name by name; give --base IMAGE, the image that the overlay \
        is for
        """)
    try scratch.shell(
      "mkdir -p base/etc/sub && touch base/etc/motd base/etc/over && mksquashfs base base.img -quiet -no-progress")
    let based = try scratch.tool("merge", "link.cpio.gz", "over.cpio.gz", "-o", "m.cpio.gz", "--base", "base.img")
    #expect(based.status == 0)
    #expect(try names("m.cpio.gz") == [".", "etc", "etc/motd (whiteout)", "etc/over", "etc/sub (whiteout)"])
  }

  /// Names may hold any bytes, also those in the base, which unsquashfs lists.
  @Test func namesNeedNotBeText() throws {
    try scratch.shell(
      #"""
      odd=$(printf 'x\377\033 y'); line=$(printf 'a\nb')
      mkdir -p base/d one two/d
      touch "base/d/$odd" "base/d/$line"; : >one/d; : >"two/$odd"
      for tree in one two; do "$tool" pack $tree -o $tree.cpio --compression none --no-required; done
      mksquashfs base base.img -quiet -no-progress
      "$tool" merge one.cpio two.cpio -o m.cpio --base base.img --compression none
      mkdir m && cd m && cpio --quiet -idm --no-absolute-filenames <../m.cpio
      test -f "$odd"; test -c "d/$odd"; test -c "d/$line"
      """#)
  }

  @Test func theSameInputsGiveTheSameBytes() throws {
    try scratch.shell(
      """
      mkdir elsewhere
      "$tool" merge a.cpio.gz b.cpio.gz -o 1 --level 9
      (umask 077; cd elsewhere; LC_ALL=C TZ=Asia/Tokyo "$tool" merge ../a.cpio.gz ../b.cpio.gz -o 2 --level 9)
      cmp 1 elsewhere/2
      """)
  }

  /// A file of several names of which one is taken, whose data stood with that name.
  @Test func hardLinksKeepTheirData() throws {
    try scratch.shell(
      #"""
      mkdir -p x/d y/d
      echo data >x/d/a; ln x/d/a x/d/b; ln x/d/a x/d/c; echo new >y/d/c
      for tree in x y; do (cd $tree && find d | sort | cpio --quiet -H newc -o >../$tree.cpio); done
      "$tool" merge x.cpio y.cpio -o m.cpio --compression none
      mkdir m && cd m && cpio --quiet -idm <../m.cpio
      test "$(cat d/a d/b d/c)" = "$(printf 'data\ndata\nnew')"
      test d/a -ef d/b
      """#)
  }

  @Test func timesAreClampedToTheEnvironments() throws {
    let run = try scratch.tool(
      "merge", "a.cpio.gz", "b.cpio.gz", "-o", "m.cpio.gz", environment: ["SOURCE_DATE_EPOCH": "1000000000"])
    #expect(run.status == 0)
    #expect(try scratch.tool("list", "m.cpio.gz").lines.allSatisfy { $0.contains(" 2001-09-09 01:46:40 ") })
  }

  @Test func theOutputMayBeAnInput() throws {
    try scratch.shell(
      "\"$tool\" merge a.cpio.gz b.cpio.gz -o m.cpio.gz; \"$tool\" merge a.cpio.gz b.cpio.gz -o a.cpio.gz")
    try scratch.shell("cmp a.cpio.gz m.cpio.gz; test \"$(ls -A | grep -c '^\\.[^oe]')\" = 0")
  }

  @Test(arguments: [
    (["merge", "a.cpio.gz", "-o", "m"], Int32(64), "at least two archives"),
    (["merge", "a.cpio.gz", "b.cpio.gz"], 64, "--output"),
    (["merge", "a.cpio.gz", "none.cpio", "-o", "m"], 2, "none.cpio"),
    (["merge", "a.cpio.gz", "b.cpio.gz", "-o", "m", "--base", "none.img"], 2, "none.img"),
    (["merge", "a.cpio.gz", "b.cpio.gz", "-o", "nowhere/m"], 2, "nowhere"),
    (["merge", "a.cpio.gz", "b.cpio.gz", "-o", "a"], 2, "write a"),
    (["merge", "a.cpio.gz", "b.cpio.gz", "-o", "m", "--max-entries", "2"], 2, "--max-entries"),
  ])
  func saysWhatIsWrong(_ arguments: [String], _ status: Int32, _ words: String) throws {
    let run = try ToolRun(arguments, in: scratch.path)
    #expect(run.status == status)
    #expect(run.errors.contains(words))
    #expect(!FileManager.default.fileExists(atPath: "\(scratch.path)/m"))
  }

  /// dpkg, in a root that has the merged overlay, knows the packages of both.
  @Test func dpkgKnowsThePackagesOfAllOverlays() throws {
    try scratch.shell(
      #"""
      admin=var/lib/dpkg
      mkdir -p base/$admin/info base/$admin/updates
      for tree in base one two; do
        mkdir -p $tree/$admin/info
        for name in common $tree; do
          printf 'Package: %s\nStatus: install ok installed\nArchitecture: all\nMaintainer: x\nDescription: x\nVersion: 1\n\n' $name
          [ $name = common ] || echo /. >$tree/$admin/info/$name.list
        done >$tree/$admin/status
      done
      for tree in one two; do
        sed -n '1,/^$/p' base/$admin/status >status; cat base/$admin/status $tree/$admin/status >all
        awk -v RS= -v ORS='\n\n' '!seen[$0]++' all >$tree/$admin/status
        "$tool" pack $tree -o $tree.cpio.gz --no-required
      done
      mksquashfs base base.img -quiet -no-progress
      "$tool" merge one.cpio.gz two.cpio.gz -o without.cpio.gz 2>said; test ! -s said
      "$tool" merge one.cpio.gz two.cpio.gz -o with.cpio.gz --base base.img --strict --json >said
      grep -q '"combined": \["var/lib/dpkg/status"\]' said || tr -d ' \n' <said | grep -qF '"combined":["var/lib/dpkg/status"]'
      for merged in without with; do
        "$tool" unpack $merged.cpio.gz $merged; cp -R base/$admin/info base/$admin/updates $merged/$admin/ 2>/dev/null || :
        dpkg-query --admindir=$merged/$admin -W -f '${Package} ${db:Status-Status}\n' | sort >found
        printf '%s installed\n' base common one two | cmp - found
      done
      """#)
  }

  @Test func cachesNeedTheBase() throws {
    try scratch.shell(
      #"""
      for tree in a b; do echo $tree >$tree/etc/ld.so.cache; "$tool" pack $tree -o $tree.cpio.gz --no-required; done
      echo precious >m
      """#)
    let run = try scratch.tool("merge", "a.cpio.gz", "b.cpio.gz", "-o", "m")
    #expect(run.status == 2)
    #expect(
      run.errors.contains("overlays have different etc/ld.so.cache, and neither knows what the others brought: give"))
    try scratch.shell("test \"$(cat m)\" = precious")
  }

  /// This machine's ldconfig and busybox's depmod, in two overlays and then over what they make together.
  @Test(.enabled(if: ShellStage.isPossible)) func listsAreMadeAnew() async throws {
    let stage = try await ShellStage(
      base: """
        mkdir -p sbin usr/lib/modules/6.1.0 tmp; ln -s usr/lib lib; cp /sbin/ldconfig sbin/ldconfig
        echo /usr/local/lib >etc/ld.so.conf
        """, overlay: nil)
    try await stage.host(
      """
      for name in a b; do
        echo 'int x;' >x.c; mkdir -p $name/usr/local/lib $name/usr/lib/modules/6.1.0
        gcc -shared -fPIC -o $name/usr/local/lib/lib$name.so.1.0 x.c -Wl,-soname,lib$name.so.1
        echo $name >$name/usr/lib/modules/6.1.0/$name.ko
        '\(ShellStage.program)' pack $name -o $name.cpio.gz --no-required --mtime 1714564800
        '\(ShellStage.program)' shell --base base.img $name.cpio.gz -- sh -c 'ldconfig && depmod 6.1.0'
      done
      """)
    let run = try await ToolProcess(
      [ShellStage.program, "merge", "a.cpio.gz", "b.cpio.gz", "-o", "m.cpio.gz", "--base", "base.img", "--json"],
      in: stage.directory
    ).wait()
    #expect(run.code == 0 && run.errors.isEmpty, "\(run.errors)")
    let document = try JSON(parsing: run.output)
    #expect(
      document["made"]
        == .array(
          ["etc/ld.so.cache"] + ["alias", "dep", "symbols"].map { .string("usr/lib/modules/6.1.0/modules.\($0)") }))
    #expect(document["conflicts"] == [])
    let seen = try await stage.shell(
      "ldconfig -p | grep -c 'lib[ab].so.1 '; grep -c '^[ab].ko:' /usr/lib/modules/6.1.0/modules.dep; ls /usr/local/lib",
      on: stage.path("m.cpio.gz"))
    #expect(seen.output == "2\n2\nliba.so.1\nliba.so.1.0\nlibb.so.1\nlibb.so.1.0\n")
    // The same overlays give the same bytes, and nothing is left of the work.
    try await stage.host(
      """
      '\(ShellStage.program)' merge a.cpio.gz b.cpio.gz -o n.cpio.gz --base base.img
      '\(ShellStage.program)' merge a.cpio.gz b.cpio.gz -o o.cpio.gz --base base.img
      cmp n.cpio.gz o.cpio.gz
      test -z "$(ls -A | grep '^[.]' || :)"
      """)
    try await stage.expectNothingLeft()
    // A program that fails leaves the output alone.
    try await stage.host(
      """
      echo precious >p; mkdir -p c/sbin; printf '#!/bin/sh\nexit 3\n' >c/sbin/ldconfig; chmod 755 c/sbin/ldconfig
      '\(ShellStage.program)' pack c -o c.cpio.gz --no-required
      """)
    let failed = try await ToolProcess(
      [ShellStage.program, "merge", "a.cpio.gz", "b.cpio.gz", "c.cpio.gz", "-o", "p", "--base", "base.img"],
      in: stage.directory
    ).wait()
    #expect(failed.code == 2 && failed.errors.contains("over base.img, ended with 3"), "\(failed.errors)")
    #expect(try String(decoding: stage.contents("p"), as: UTF8.self) == "precious\n")
  }
}
