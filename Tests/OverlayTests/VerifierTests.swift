import Foundation
import Overlay
import Testing

/// An overlay of a few lines, what it is laid over, and what is to be found in it.
struct VerifyCase: CustomTestStringConvertible, Sendable {
  enum Base: Sendable {
    case none
    case debian
    /// The lines of `debian` and these.
    case debianWith(String)
    case exactly(String)
  }

  let title: String
  private let lines: String
  private let base: Base
  private let architecture: MachineArchitecture
  private let name: String
  private let expected: [String]

  /// - Parameters:
  ///   - isComplete: whether the required files come before the lines; a line for one of them replaces it.
  ///   - name: of the archive.
  init(
    _ title: String, _ lines: String = "", base: Base = .debian, architecture: MachineArchitecture = .x8664,
    isComplete: Bool = true, name: String = "x.overlay.cpio.gz", finds expected: [String] = []
  ) {
    self.title = title
    let own = lines.split(separator: "\n").flatMap { $0.split(separator: " ").prefix(3).dropFirst() }
    let required = VerifyLayer.required.split(separator: "\n").filter { line in
      line.split(separator: " ").dropFirst(2).first.map { !own.contains($0) } ?? false
    }
    self.lines = (isComplete ? required + [lines[...]] : [lines[...]]).joined(separator: "\n")
    (self.base, self.architecture, self.name, self.expected) = (base, architecture, name, expected)
  }

  var testDescription: String { title }

  func check() throws {
    let scratch = try ScratchDirectory()
    var verifier = Verifier(archive: try VerifyLayer(lines).archive(scratch(name)), architecture: architecture)
    switch base {
    case .none: break
    case .debian: verifier.base = try VerifyBase.debian.get()
    case .debianWith(let more): verifier.base = try VerifyLayer("\(VerifyLayer.debian)\n\(more)").image(scratch("base"))
    case .exactly(let lines): verifier.base = try VerifyLayer(lines).image(scratch("base"))
    }
    let found = try verifier.findings().map(\.description)
    #expect(found == expected)
  }
}

struct VerifierTests {
  @Test(arguments: [
    VerifyCase("a complete overlay"),
    VerifyCase(
      "an empty one", "", base: .none, isComplete: false,
      finds: [
        "error: etc/rc.local: is missing, and a node needs it to get to the agent; pack adds it, unless --no-required is given",
        "error: opt/monorail/monorail-agent: is missing, and a node needs it to get to the agent; pack --agent FILE adds it",
      ]),
    VerifyCase(
      "required files from the base", "d 755 .", base: .debianWith(VerifyLayer.required), isComplete: false,
      finds: [
        "warning: etc/rc.local: is not in the overlay; the base's own will start the agent",
        "warning: opt/monorail/monorail-agent: is not in the overlay; the base's own will run",
      ]),
    VerifyCase(
      "required files without permission", "f 644 etc/rc.local = #!/bin/sh\\n\ne 644 opt/monorail/monorail-agent",
      finds: [
        "error: etc/rc.local: is not executable, so that no node starts it; give it the mode 0755",
        "error: opt/monorail/monorail-agent: is not executable, so that no node starts it; give it the mode 0755",
      ]),
    VerifyCase(
      "a script without interpreter", "f 755 etc/rc.local = exec true",
      finds: [
        "error: etc/rc.local: names no interpreter in its first line, so that systemd does not start it; let it begin with #!/bin/sh"
      ]),
    VerifyCase(
      "rc.local behind a symlink", "f 755 opt/rc = #!/bin/sh\\nexec monorail-agent\\n\nl etc/rc.local > ../opt/rc"),
    VerifyCase(
      "a removed rc.local", "w etc/rc.local",
      finds: [
        "error: etc/rc.local: is removed (etc/rc.local is a whiteout), and a node needs it to get to the agent; pack adds it, unless --no-required is given"
      ]),
    VerifyCase(
      "rc.local as a directory", "d 755 etc/rc.local",
      finds: [
        "error: etc/rc.local: is no regular file; pack adds it, unless --no-required is given"
      ]),
    VerifyCase(
      "an agent that is a shell script", "f 755 opt/monorail/monorail-agent = #!/bin/sh\\nexec true\\n",
      finds: [
        "error: opt/monorail/monorail-agent: is a script, not the agent; scripts/build-agent makes the right one"
      ]),
    VerifyCase(
      "an agent that is text", "f 755 opt/monorail/monorail-agent = exec true\\n",
      finds: [
        "error: opt/monorail/monorail-agent: is no ELF file: a shell would run it as a script, line by line; scripts/build-agent makes the right one"
      ]),
    VerifyCase(
      "an empty agent", "f 755 opt/monorail/monorail-agent = ",
      finds: [
        "error: opt/monorail/monorail-agent: is empty; scripts/build-agent makes the right one"
      ]),
    VerifyCase(
      "an agent for another machine", "e 755 opt/monorail/monorail-agent machine=aarch64",
      finds: [
        "error: opt/monorail/monorail-agent: is a program for aarch64; the nodes are x86_64; scripts/build-agent makes the right one"
      ]),
    VerifyCase(
      "an agent for these machines", "e 755 opt/monorail/monorail-agent machine=aarch64", architecture: .aarch64),
    VerifyCase(
      "an agent of the other byte order", "e 755 opt/monorail/monorail-agent machine=aarch64_be",
      architecture: .aarch64,
      finds: [
        "error: opt/monorail/monorail-agent: is a program for aarch64 (big-endian); the nodes are aarch64; scripts/build-agent makes the right one"
      ]),
    VerifyCase(
      "a 32-bit agent", "e 755 opt/monorail/monorail-agent machine=i386",
      finds: [
        "error: opt/monorail/monorail-agent: is a program for i386; the nodes are x86_64; scripts/build-agent makes the right one"
      ]),
    VerifyCase(
      "a dynamic agent", "e 755 opt/monorail/monorail-agent interp=/lib64/ld-linux-x86-64.so.2 needs=libc.so.6",
      finds: [
        "error: opt/monorail/monorail-agent: is linked dynamically (to libc.so.6), so that it runs only on some base images; scripts/build-agent makes the right one"
      ]),
    VerifyCase(
      "an agent behind a symlink to nowhere", "l opt/monorail/monorail-agent > agent",
      finds: [
        "error: opt/monorail/monorail-agent: is missing, and a node needs it to get to the agent; pack --agent FILE adds it",
        "warning: opt/monorail/monorail-agent: is a symlink to agent, which is neither in the overlay nor in the base",
      ]),
  ])
  func requiredFiles(_ given: VerifyCase) throws { try given.check() }

  @Test(arguments: [
    VerifyCase(
      "a root that is closed", "d 700 .",
      finds: [
        "error: .: has the mode 0700, which becomes that of the node's / : only its owner gets to any file, so that services which do not run as root fail (mktemp -d makes such directories); chmod 755 it and pack again"
      ]),
    VerifyCase("a root that can be entered, but not listed", "d 711 ."),
    VerifyCase(
      "a directory closed that the base has open", "d 750 usr/bin",
      finds: [
        "warning: usr/bin: has the mode 0750 in the overlay and 0755 in the base: only root and whom the mode names will get to what is in it"
      ]),
    VerifyCase("a directory closed in both", "d 700 root"),
    VerifyCase(
      "a directory over a symlink of the base", "f 755 lib/x86_64-linux-gnu/x = text",
      finds: [
        "error: lib: is a directory here, but a symlink to usr/lib in the base: everything in /lib would be gone; put these files into usr/lib"
      ]),
    VerifyCase("a directory over a directory", "f 755 usr/lib/x86_64-linux-gnu/x = text"),
    VerifyCase(
      "a file over a directory", "f 644 usr/lib/x86_64-linux-gnu = text",
      finds: [
        "warning: usr/lib/x86_64-linux-gnu: replaces a directory of the base and hides everything in it"
      ]),
    VerifyCase(
      "a symlink over a directory", "l lib-is-no-link > usr/lib",
      finds: [
        "warning: lib-is-no-link: replaces a directory of the base and hides everything in it"
      ]),
    VerifyCase(
      "below a symlink of its own", "l opt/link > monorail\nf 644 opt/link/x = text",
      finds: [
        "error: opt/link/x: is in opt/link, which this overlay makes a symlink: it cannot be unpacked"
      ]),
    VerifyCase(
      "a name twice", "f 644 etc/a = 1\nf 644 etc/a = 2",
      finds: [
        "warning: etc/a: is in the archive more than once; the last one counts"
      ]),
    VerifyCase(
      "a symlink to nowhere", "l opt/x > ../nowhere",
      finds: [
        "warning: opt/x: is a symlink to ../nowhere, which is neither in the overlay nor in the base"
      ]),
    VerifyCase("a symlink to nowhere, perhaps", "l opt/x > ../nowhere", base: .none),
    VerifyCase(
      "a symlink to what the overlay removes", "w usr/bin/env\nl opt/x > /usr/bin/env",
      finds: [
        "warning: opt/x: is a symlink to /usr/bin/env, which this overlay removes (usr/bin/env is a whiteout)"
      ]),
    VerifyCase("a symlink into the base", "l opt/x > ../usr/bin/python3"),
    VerifyCase("a symlink above the root", "l opt/x > ../../../../bin/sh"),
    VerifyCase(
      "a symlink through a file", "l opt/x > /etc/rc.local/x",
      finds: [
        "warning: opt/x: is a symlink to /etc/rc.local/x, which cannot be reached, for etc/rc.local is no directory"
      ]),
    VerifyCase(
      "symlinks in a circle", "l opt/x > y\nl opt/y > x",
      finds: [
        "warning: opt/x: is a symlink to y, which leads in a circle of symlinks",
        "warning: opt/y: is a symlink to x, which leads in a circle of symlinks",
      ]),
    VerifyCase("a symlink to what the kernel makes", "l etc/mtab > ../proc/self/mounts\nl opt/null > /dev/null"),
    VerifyCase("setuid, fine", "e 4755 usr/bin/su"),
  ])
  func layout(_ given: VerifyCase) throws { try given.check() }

  @Test(arguments: [
    VerifyCase(
      "an interpreter that is nowhere", "f 755 usr/bin/x = #!/usr/bin/perl -w\\n",
      finds: [
        "error: usr/bin/x: has the interpreter /usr/bin/perl, which is neither in the overlay nor in the base"
      ]),
    VerifyCase("a script that nobody executes", "f 644 opt/x = #!/usr/bin/perl -w\\n"),
    VerifyCase("an interpreter that may be in the base", "f 755 usr/bin/x = #!/usr/bin/perl\\n", base: .none),
    VerifyCase(
      "an interpreter that the overlay removes", "w usr/bin/dash\nf 755 usr/bin/x = #!/bin/dash\\n",
      finds: [
        "error: etc/rc.local: has the interpreter /bin/sh, which this overlay removes (usr/bin/dash is a whiteout)",
        "error: usr/bin/x: has the interpreter /bin/dash, which this overlay removes (usr/bin/dash is a whiteout)",
      ]),
    VerifyCase(
      "removed, whatever the base is", "w usr/bin/perl\nf 755 usr/bin/x = #!/usr/bin/perl\\n", base: .none,
      finds: [
        "error: usr/bin/x: has the interpreter /usr/bin/perl, which this overlay removes (usr/bin/perl is a whiteout)"
      ]),
    VerifyCase("an interpreter of the overlay", "f 755 usr/bin/x = #!/opt/perl -w\\n\ne 755 opt/perl"),
    VerifyCase(
      "an interpreter without permission", "f 755 usr/bin/x = #!/opt/perl -w\\n\ne 644 opt/perl",
      finds: [
        "error: usr/bin/x: has the interpreter /opt/perl, which is no file that can be executed"
      ]),
    VerifyCase(
      "an interpreter behind symlinks of both", "l opt/python > /bin/python3\nf 755 usr/bin/x = #! /opt/python\t\\n"),
    VerifyCase(
      "a directory that a file replaces", "f 755 usr/bin = text",
      finds: [
        "error: etc/rc.local: has the interpreter /bin/sh, which cannot be reached, for usr/bin is no directory",
        "warning: usr/bin: replaces a directory of the base and hides everything in it",
      ]),
    VerifyCase(
      "an interpreter that depends on the place", "f 755 usr/bin/x = #!bin/sh\\n",
      finds: [
        "error: usr/bin/x: has the interpreter bin/sh, which depends on the directory it is started in; give an absolute path"
      ]),
    VerifyCase(
      "no interpreter", "f 755 usr/bin/x = #!   \\n",
      finds: [
        "error: usr/bin/x: begins with #!, but names no interpreter"
      ]),
    VerifyCase(
      "line ends of Windows", "f 755 usr/bin/x = #!/bin/sh\\r\\necho\\r\\n",
      finds: [
        "error: usr/bin/x: has the line ends of Windows: its interpreter would be /bin/sh\\015"
      ]),
    VerifyCase("env, found", "f 755 usr/bin/x = #!/usr/bin/env python3\\n"),
    VerifyCase(
      "env, not found", "f 755 usr/bin/x = #!/usr/bin/env ruby\\n",
      finds: [
        "error: usr/bin/x: is run by env with \"ruby\", which is nowhere in the PATH of rc.local (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)"
      ]),
    VerifyCase(
      "env, removed", "w usr/bin/python3\nf 755 usr/bin/x = #!/usr/bin/env python3\\n",
      finds: [
        "error: usr/bin/x: is run by env with \"python3\", which is nowhere in the PATH of rc.local (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)"
      ]),
    VerifyCase(
      "env with two words", "f 755 usr/bin/x = #!/usr/bin/env python3 -u\\n",
      finds: [
        "error: usr/bin/x: is run by env with \"python3 -u\", which is nowhere in the PATH of rc.local (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin); env takes all of it for one name, unless -S stands before it"
      ]),
    VerifyCase(
      "env -S", "f 755 usr/bin/x = #!/usr/bin/env -S A=1 python3 -u\\n\nf 755 usr/bin/y = #!/usr/bin/env -S ruby -w\\n",
      finds: [
        "error: usr/bin/y: is run by env with \"ruby\", which is nowhere in the PATH of rc.local (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)"
      ]),
    VerifyCase(
      "env with a path", "f 755 usr/bin/x = #!/usr/bin/env /opt/ruby\\n",
      finds: [
        "error: usr/bin/x: is run by env with /opt/ruby, which is neither in the overlay nor in the base"
      ]),
    VerifyCase(
      "a program for another machine", "e 755 opt/x machine=aarch64\ne 755 lib/firmware/x machine=aarch64", base: .none,
      finds: [
        "warning: opt/x: is a program for aarch64; the nodes are x86_64"
      ]),
    VerifyCase("a program for the 32-bit ancestor", "e 755 opt/x machine=i386"),
    VerifyCase(
      "a broken program", "f 755 opt/x = \u{7F}ELF and so on, but not what it should be, which makes it longer",
      finds: [
        "error: opt/x: begins like a program, but has a header that libelf refuses"
      ]),
  ])
  func programs(_ given: VerifyCase) throws { try given.check() }

  @Test(arguments: [
    VerifyCase("a name by convention", name: "x.overlay.cpio.gz"),
    VerifyCase("a name with a kernel", base: .none, name: "overlayfs_3.13.0-32_all.cpio.gz"),
    VerifyCase(
      "a name with something else than a kernel", name: "overlayfs_all_files.cpio.gz",
      finds: [
        "warning: the name overlayfs_all_files.cpio.gz follows neither overlayfs_<kernel>_<content>.cpio.gz nor <content>.overlay.cpio.gz (.zst, .xz or nothing for .gz)"
      ]),
    VerifyCase(
      "a name without content", name: ".overlay.cpio.gz",
      finds: [
        "error: the name \".overlay.cpio.gz\" cannot stand in a URL on a kernel's command line: use letters, digits, and . _ - + ~ @"
      ]),
    VerifyCase(
      "a bare name", name: "x.cpio.gz",
      finds: [
        "warning: the name x.cpio.gz follows neither overlayfs_<kernel>_<content>.cpio.gz nor <content>.overlay.cpio.gz (.zst, .xz or nothing for .gz)"
      ]),
    VerifyCase(
      "a name without a known end", name: "x.gz",
      finds: [
        "warning: the name x.gz follows neither overlayfs_<kernel>_<content>.cpio.gz nor <content>.overlay.cpio.gz (.zst, .xz or nothing for .gz)"
      ]),
    VerifyCase(
      "a name of another compression", name: "x.overlay.cpio.zst",
      finds: [
        "error: the name x.overlay.cpio.zst says that it is compressed with zstd, but it is compressed with gzip"
      ]),
    VerifyCase(
      "a name of no compression", name: "x.overlay.cpio",
      finds: [
        "error: the name x.overlay.cpio says that it is not compressed, but it is compressed with gzip"
      ]),
    VerifyCase(
      "a name that is two for the initramfs", name: "a,b.overlay.cpio.gz",
      finds: [
        "error: the name \"a,b.overlay.cpio.gz\" cannot stand in a URL on a kernel's command line: use letters, digits, and . _ - + ~ @"
      ]),
    VerifyCase(
      "a name with a blank", name: "a b.overlay.cpio.gz",
      finds: [
        "error: the name \"a b.overlay.cpio.gz\" cannot stand in a URL on a kernel's command line: use letters, digits, and . _ - + ~ @"
      ]),
  ])
  func names(_ given: VerifyCase) throws { try given.check() }
}
