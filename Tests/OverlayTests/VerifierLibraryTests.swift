import Overlay
import Testing

struct VerifierLibraryTests {
  private static let ldconfig =
    "run ldconfig in the overlay: monorail-overlay shell --base IMAGE OVERLAY -- ldconfig"
  private static let configured = "f 644 etc/ld.so.conf.d/x.conf = /opt/x\\n\ne 644 opt/x/liba.so name=a"
  private static let start = "e 755 opt/bin/p interp=/lib64/ld-linux-x86-64.so.2"

  @Test(arguments: [
    VerifyCase("all in the base", "\(start) needs=libc.so.6,ld-linux-x86-64.so.2"),
    VerifyCase(
      "a library that is nowhere", "\(start) needs=libc.so.6,libnone.so.1",
      finds: [
        "error: opt/bin/p: needs the library libnone.so.1, which is neither in the overlay nor in the base where the loader looks"
      ]),
    VerifyCase("a library that may be in the base", "\(start) needs=libnone.so.1", base: .none),
    VerifyCase(
      "a library that the overlay removes", "\(start) needs=libc.so.6\nw usr/lib/x86_64-linux-gnu/libc.so.6",
      finds: [
        "error: opt/bin/p: needs the library libc.so.6, which is neither in the overlay nor in the base where the loader looks; usr/lib/x86_64-linux-gnu/libc.so.6 is a whiteout"
      ]),
    VerifyCase(
      "a directory of libraries removed", "\(start) needs=libc.so.6\nw usr/lib/x86_64-linux-gnu",
      finds: [
        "error: opt/bin/p: cannot start: it needs the loader /lib64/ld-linux-x86-64.so.2, which this overlay removes (usr/lib/x86_64-linux-gnu is a whiteout)",
        "error: opt/bin/p: needs the library libc.so.6, which is neither in the overlay nor in the base where the loader looks; usr/lib/x86_64-linux-gnu is a whiteout",
      ]),
    VerifyCase(
      "a loader that is nowhere", "e 755 opt/bin/p interp=/lib/ld-musl-x86_64.so.1",
      finds: [
        "error: opt/bin/p: cannot start: it needs the loader /lib/ld-musl-x86_64.so.1, which is neither in the overlay nor in the base"
      ]),
    VerifyCase("a loader that may be in the base", "e 755 opt/bin/p interp=/lib/ld-musl-x86_64.so.1", base: .none),
    VerifyCase(
      "a loader without permission", "e 755 opt/bin/p interp=/opt/ld.so\ne 644 opt/ld.so",
      finds: [
        "error: opt/bin/p: cannot start: its loader /opt/ld.so is no file that can be executed"
      ]),
    VerifyCase(
      "a loader for another machine", "e 755 opt/bin/p interp=/opt/ld.so\ne 755 opt/ld.so machine=aarch64",
      finds: [
        "error: opt/bin/p: cannot start: its loader /opt/ld.so is no program for x86_64",
        "warning: opt/ld.so: is a program for aarch64; the nodes are x86_64",
      ]),
    VerifyCase(
      "a library of the system's directories",
      "\(start) needs=liba.so\ne 644 usr/lib/x86_64-linux-gnu/liba.so.1 name=liba.so\nl usr/lib/x86_64-linux-gnu/liba.so > liba.so.1"
    ),
    VerifyCase(
      "a library with an absolute name", "\(start) needs=/opt/liba.so,/opt/libb.so\ne 644 opt/liba.so name=a",
      finds: [
        "error: opt/bin/p: needs the library /opt/libb.so, which is neither in the overlay nor in the base where the loader looks"
      ]),
    VerifyCase(
      "a text in the place of a library", "\(start) needs=liba.so\nf 644 usr/lib/liba.so = GROUP ( libc.so.6 )",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is neither in the overlay nor in the base where the loader looks; usr/lib/liba.so is no library for x86_64"
      ]),
    VerifyCase(
      "a loader's directory that Debian does not look into", "\(start) needs=liba.so\ne 644 usr/lib64/liba.so name=a",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is neither in the overlay nor in the base where the loader looks; there is usr/lib64/liba.so, which only a RUNPATH, LD_LIBRARY_PATH, or ldconfig with a line in etc/ld.so.conf.d makes the loader find"
      ]),
    VerifyCase(
      "a base with lib64", "e 755 opt/bin/p interp=/lib64/ld.so needs=libc.so.6",
      base: .exactly("f 755 lib64/ld.so = -\nf 755 lib64/libc.so.6 = -\nf 755 bin/sh = -")),
    VerifyCase(
      "32-bit libraries",
      "e 755 opt/bin/p machine=i386 interp=/lib/ld-linux.so.2 needs=libc.so.6,liba.so\ne 644 usr/lib/i386-linux-gnu/liba.so machine=i386 name=a",
      base: .debianWith("f 755 usr/lib/ld-linux.so.2 = -\nf 644 usr/lib/i386-linux-gnu/libc.so.6 = -")),
    VerifyCase(
      "a library for the wrong width",
      "e 755 opt/bin/p interp=/lib64/ld-linux-x86-64.so.2 runpath=/opt/lib needs=liba.so\ne 644 opt/lib/liba.so machine=i386 name=a",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is neither in the overlay nor in the base where the loader looks; opt/lib/liba.so is no library for x86_64"
      ]),
    VerifyCase(
      "the right one behind the wrong one",
      "e 755 opt/bin/p interp=/lib64/ld-linux-x86-64.so.2 runpath=/opt/32:/opt/64 needs=liba.so\ne 644 opt/32/liba.so machine=i386 name=a\ne 644 opt/64/liba.so name=a"
    ),
    VerifyCase("files of debugging symbols", "e 644 usr/lib/debug/x.debug needs=libnone.so"),
  ])
  func places(_ given: VerifyCase) throws { try given.check() }

  @Test(arguments: [
    VerifyCase(
      "RUNPATH from the program's directory",
      "\(start) runpath=$ORIGIN/../lib:/x needs=liba.so\ne 644 opt/lib/liba.so name=a"),
    VerifyCase(
      "RPATH from the program's directory",
      "\(start) rpath=/x:${ORIGIN}/../lib needs=liba.so\ne 644 opt/lib/liba.so name=a"),
    VerifyCase(
      "RPATH with the distribution's name",
      "\(start) rpath=/opt/$LIB needs=liba.so\ne 644 opt/lib/x86_64-linux-gnu/liba.so name=a"),
    VerifyCase(
      "a library beside, which nobody looks for", "\(start) needs=liba.so\ne 644 opt/bin/liba.so name=a",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is neither in the overlay nor in the base where the loader looks; there is opt/bin/liba.so, which only a RUNPATH, LD_LIBRARY_PATH, or ldconfig with a line in etc/ld.so.conf.d makes the loader find"
      ]),
    VerifyCase(
      "the program's RPATH holds for what its libraries need",
      "\(start) rpath=$ORIGIN needs=liba.so\ne 644 opt/bin/liba.so name=a needs=libb.so\ne 644 opt/bin/libb.so name=b"),
    VerifyCase(
      "the program's RUNPATH does not",
      "\(start) runpath=$ORIGIN needs=liba.so\ne 644 opt/bin/liba.so name=a needs=libb.so\ne 644 opt/bin/libb.so name=b",
      finds: [
        "error: opt/bin/liba.so: needs the library libb.so, which is neither in the overlay nor in the base where the loader looks; there is opt/bin/libb.so, which only a RUNPATH, LD_LIBRARY_PATH, or ldconfig with a line in etc/ld.so.conf.d makes the loader find"
      ]),
    VerifyCase(
      "nor its RPATH for one with a RUNPATH",
      "\(start) rpath=$ORIGIN needs=liba.so\ne 644 opt/bin/liba.so name=a runpath=/x needs=libb.so\ne 644 opt/bin/libb.so name=b",
      finds: [
        "error: opt/bin/liba.so: needs the library libb.so, which is neither in the overlay nor in the base where the loader looks; there is opt/bin/libb.so, which only a RUNPATH, LD_LIBRARY_PATH, or ldconfig with a line in etc/ld.so.conf.d makes the loader find"
      ]),
    VerifyCase(
      "a RUNPATH replaces the RPATH", "\(start) rpath=$ORIGIN runpath=/x needs=liba.so\ne 644 opt/bin/liba.so name=a",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is neither in the overlay nor in the base where the loader looks; there is opt/bin/liba.so, which only a RUNPATH, LD_LIBRARY_PATH, or ldconfig with a line in etc/ld.so.conf.d makes the loader find"
      ]),
    VerifyCase(
      "a library that is loaded under its name already",
      "\(start) runpath=$ORIGIN needs=liba.so,libnone.so\ne 644 opt/bin/liba.so name=libnone.so"),
    VerifyCase(
      "libraries that need each other",
      "\(start) rpath=$ORIGIN needs=liba.so\ne 644 opt/bin/liba.so needs=libb.so\ne 644 opt/bin/libb.so needs=liba.so"),
    VerifyCase(
      "a plugin that needs what is nowhere", "e 644 opt/plugin.so name=p needs=libnone.so,libc.so.6",
      finds: [
        "error: opt/plugin.so: needs the library libnone.so, which is neither in the overlay nor in the base where the loader looks"
      ]),
    VerifyCase(
      "a plugin that needs what is beside", "e 644 opt/plugin.so name=p needs=liba.so\ne 644 opt/liba.so name=a",
      finds: [
        "warning: opt/plugin.so: needs the library liba.so, which is neither in the overlay nor in the base where the loader looks; there is opt/liba.so, which only a RUNPATH, LD_LIBRARY_PATH, or ldconfig with a line in etc/ld.so.conf.d makes the loader find"
      ]),
  ])
  func paths(_ given: VerifyCase) throws { try given.check() }

  @Test(arguments: [
    VerifyCase("a directory of the base's configuration", "\(start) needs=libbase.so.1"),
    VerifyCase(
      "a configuration that the overlay removes", "\(start) needs=libbase.so.1\nw etc/ld.so.conf.d/vendor.conf"),
    VerifyCase(
      "a configuration that the overlay replaces",
      "\(start) needs=libbase.so.1\nf 644 etc/ld.so.conf.d/vendor.conf = /x\\n"),
    VerifyCase(
      "a directory that the overlay configures",
      "\(start) needs=liba.so\nf 644 etc/ld.so.conf.d/x.conf = /x, /opt/x=libc6 # of X's\\n\ne 644 opt/x/liba.so name=a",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is /opt/x/liba.so: the loader finds that only through etc/ld.so.cache, which does not list it; \(ldconfig)"
      ]),
    VerifyCase(
      "with the cache that belongs to it",
      "\(start) needs=liba.so\nf 644 etc/ld.so.conf.d/x.conf = /opt/x\\n\ne 644 opt/x/liba.so name=a\nc etc/ld.so.cache liba.so=/opt/x/liba.so libbase.so.1=/opt/base/lib/libbase.so.1"
    ),
    VerifyCase(
      "a file that is not included",
      "\(start) needs=liba.so\nf 644 etc/ld.so.conf.d/x.txt = /opt/x\\n\ne 644 opt/x/liba.so name=a",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is neither in the overlay nor in the base where the loader looks; there is opt/x/liba.so, which only a RUNPATH, LD_LIBRARY_PATH, or ldconfig with a line in etc/ld.so.conf.d makes the loader find"
      ]),
    VerifyCase(
      "a configuration that includes itself",
      "\(start) needs=liba.so\nf 644 etc/ld.so.conf.d/x.conf = include *.conf /etc/ld.so.conf\\nhwcap 1 x\\n/opt/x\\n\ne 644 opt/x/liba.so name=a\nc etc/ld.so.cache liba.so=/opt/x/liba.so libbase.so.1=/opt/base/lib/libbase.so.1"
    ),
    VerifyCase(
      "a cache of the overlay from before the library came",
      "\(start) needs=liba.so\n\(configured)\nc etc/ld.so.cache libbase.so.1=/opt/base/lib/libbase.so.1",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is /opt/x/liba.so: the loader finds that only through etc/ld.so.cache, which does not list it; \(ldconfig)"
      ]),
    VerifyCase(
      "a cache that lists where the library was",
      "\(start) needs=liba.so\n\(configured)\nc etc/ld.so.cache liba.so=/opt/old/liba.so libbase.so.1=/opt/base/lib/libbase.so.1",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is /opt/x/liba.so: the loader finds that only through etc/ld.so.cache, which does not list it; \(ldconfig)"
      ]),
    VerifyCase(
      "a cache that lists a library of the system's directories elsewhere",
      "\(start) needs=libc.so.6\nc etc/ld.so.cache libc.so.6=/gone/libc.so.6 libbase.so.1=/opt/base/lib/libbase.so.1"),
    VerifyCase(
      "a directory that is in no configuration, but in the cache",
      "\(start) needs=liba.so\ne 644 opt/y/liba.so name=a\nc etc/ld.so.cache liba.so=/opt/y/liba.so libbase.so.1=/opt/base/lib/libbase.so.1"
    ),
    VerifyCase(
      "no cache at all", "\(start) needs=liba.so\n\(configured)\nw etc/ld.so.cache",
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is /opt/x/liba.so: the loader finds that only through etc/ld.so.cache, and there is none; \(ldconfig)"
      ]),
    VerifyCase(
      "a library alone, which others may load in their own way",
      "e 644 opt/plugin.so name=p needs=liba.so\n\(configured)\nc etc/ld.so.cache libbase.so.1=/opt/base/lib/libbase.so.1",
      finds: [
        "warning: opt/plugin.so: needs the library liba.so, which is /opt/x/liba.so: the loader finds that only through etc/ld.so.cache, which does not list it; \(ldconfig)"
      ]),
    VerifyCase(
      "no base, whose cache may be anything", "\(start) needs=liba.so\n\(configured)\nf 644 etc/ld.so.conf = /opt/x\\n",
      base: .none,
      finds: [
        "warning: opt/bin/p: needs the library liba.so, which is /opt/x/liba.so: the loader finds that only when the base's etc/ld.so.cache lists it; \(ldconfig)"
      ]),
    VerifyCase(
      "a damaged cache", "f 644 etc/ld.so.cache = -",
      finds: [
        "warning: etc/ld.so.cache: is no cache that the loader can read, so that the loader passes over it; \(ldconfig)"
      ]),
    VerifyCase(
      "a cache without the base's libraries", "c etc/ld.so.cache libx.so=/usr/lib/libx.so",
      finds: [
        "error: etc/ld.so.cache: does not list /opt/base/lib/libbase.so.1, which the base's cache lists: programs of the base do not find it any more; \(ldconfig)"
      ]),
    VerifyCase(
      "musl, which has no cache",
      "e 755 opt/bin/p interp=/lib/ld-musl-x86_64.so.1 needs=liba.so,libc.so\n\(configured)\ne 644 usr/local/lib/libc.so name=c\nc etc/ld.so.cache liba.so=/opt/x/liba.so libbase.so.1=/opt/base/lib/libbase.so.1",
      base: .debianWith("f 755 usr/lib/ld-musl-x86_64.so.1 = -"),
      finds: [
        "error: opt/bin/p: needs the library liba.so, which is neither in the overlay nor in the base where the loader looks; there is opt/x/liba.so, which only a RUNPATH, LD_LIBRARY_PATH, or ldconfig with a line in etc/ld.so.conf.d makes the loader find"
      ]),
  ])
  func configuration(_ given: VerifyCase) throws { try given.check() }
}
