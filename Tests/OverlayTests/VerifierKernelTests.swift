import Foundation
import Overlay
import Testing

struct VerifierKernelTests {
  private static let base = VerifyCase.Base.debianWith(
    """
    d 755 usr/lib/modules/6.1.0-25-amd64
    f 644 usr/lib/modules/6.1.0-25-amd64/kernel/old.ko = -
    """)
  private static let module = "usr/lib/modules/6.1.0-25-amd64/kernel"

  @Test(arguments: [
    VerifyCase("a module that replaces the base's", "k \(module)/old.ko 6.1.0-25-amd64", base: base),
    VerifyCase(
      "a module that modprobe does not know", "k \(module)/new.ko 6.1.0-25-amd64", base: base,
      finds: [
        "warning: usr/lib/modules/6.1.0-25-amd64/kernel/new.ko: is not in the base's modules.dep, and the overlay brings none along: modprobe will not find it; run depmod in the overlay's shell, or load it with insmod"
      ]),
    VerifyCase(
      "a module with its list",
      "k \(module)/new.ko 6.1.0-25-amd64\nf 644 usr/lib/modules/6.1.0-25-amd64/modules.dep = kernel/new.ko: kernel/old.ko\\n",
      base: base),
    VerifyCase(
      "a module that its list does not have",
      "k \(module)/new.ko 6.1.0-25-amd64\nf 644 usr/lib/modules/6.1.0-25-amd64/modules.dep = kernel/old.ko:\\n",
      base: base,
      finds: [
        "warning: usr/lib/modules/6.1.0-25-amd64/kernel/new.ko: is not in the overlay's usr/lib/modules/6.1.0-25-amd64/modules.dep: modprobe will not find it; run depmod in the overlay's shell, or load it with insmod"
      ]),
    VerifyCase(
      "an empty module", "f 644 \(module)/old.ko = ", base: base,
      finds: [
        "error: usr/lib/modules/6.1.0-25-amd64/kernel/old.ko: is no kernel module that can be loaded: it is empty; build it, or copy it, again"
      ]),
    VerifyCase(
      "an empty module beside a vendor's tool", "f 644 opt/x.ko = \nf 644 opt/y.ko = text", base: .none,
      finds: [
        "error: opt/x.ko: is no kernel module that can be loaded: it is empty; build it, or copy it, again",
        "error: opt/y.ko: is no kernel module that can be loaded: it is no ELF file; build it, or copy it, again",
      ]),
    VerifyCase(
      "a program with the name of a module", "e 755 opt/x.ko", base: .none,
      finds: [
        "error: opt/x.ko: is no kernel module that can be loaded: it is a program or a library; build it, or copy it, again"
      ]),
    VerifyCase(
      "a module built for another kernel", "k \(module)/old.ko 6.1.0-26-amd64", base: base,
      finds: [
        "error: usr/lib/modules/6.1.0-25-amd64/kernel/old.ko: was built for the kernel 6.1.0-26-amd64, not for 6.1.0-25-amd64, in whose directory it is: it cannot be loaded"
      ]),
    VerifyCase(
      "the same without a base", "k lib/modules/6.1.0-25-amd64/x.ko 6.1.0-26-amd64", base: .none,
      finds: [
        "error: lib/modules/6.1.0-25-amd64/x.ko: was built for the kernel 6.1.0-26-amd64, not for 6.1.0-25-amd64, in whose directory it is: it cannot be loaded"
      ]),
    VerifyCase(
      "a compressed module that is none",
      "f 644 \(module)/old.ko.xz = text, and more of it\nf 644 usr/lib/modules/6.1.0-25-amd64/modules.dep = kernel/old.ko.xz:",
      base: base,
      finds: [
        "error: usr/lib/modules/6.1.0-25-amd64/kernel/old.ko.xz: is no kernel module that can be loaded: it is no xz file, or a damaged one; build it, or copy it, again"
      ]),
    VerifyCase(
      "modules of another kernel",
      "k usr/lib/modules/6.1.0-26-amd64/kernel/old.ko 6.1.0-26-amd64\nf 644 usr/lib/modules/6.1.0-26-amd64/modules.dep.bin = -",
      base: base,
      finds: [
        "error: usr/lib/modules/6.1.0-26-amd64: is for the kernel 6.1.0-26-amd64, but the base has 6.1.0-25-amd64: nothing in it would be loaded"
      ]),
    VerifyCase(
      "a base without modules", "f 644 usr/lib/modules/6.1.0-26-amd64/modules.dep = -",
      finds: [
        "warning: usr/lib/modules/6.1.0-26-amd64: cannot be compared: the base has no lib/modules, which would name its kernel"
      ]),
    VerifyCase("a directory that is removed", "w usr/lib/modules/6.1.0-26-amd64", base: base),
    VerifyCase(
      "a module beside a vendor's tool", "k opt/vendor/x.ko 6.1.0-26-amd64\nk opt/vendor/y.ko 6.1.0-25-amd64",
      base: base,
      finds: [
        "warning: opt/vendor/x.ko: was built for the kernel 6.1.0-26-amd64, but the base has 6.1.0-25-amd64"
      ]),
    VerifyCase("a name with the base's kernel", base: base, name: "overlayfs_6.1.0-25-amd64_x.cpio.gz"),
    VerifyCase("a name with the begin of it", base: base, name: "overlayfs_6.1.0-25_x.cpio.gz"),
    VerifyCase(
      "a name with another kernel", base: base, name: "overlayfs_6.1.0-26-amd64_x.cpio.gz",
      finds: [
        "error: the name says that it is for the kernel 6.1.0-26-amd64, but the base has 6.1.0-25-amd64"
      ]),
    VerifyCase(
      "a name with another kernel than the modules'", "f 644 lib/modules/6.1.0-25-amd64/modules.dep = -", base: .none,
      name: "overlayfs_6.1.0-2_x.cpio.gz",
      finds: [
        "error: lib/modules/6.1.0-25-amd64: is for the kernel 6.1.0-25-amd64, but the archive's name says 6.1.0-2"
      ]),
    VerifyCase(
      "a name with a kernel that has an underscore", "f 644 lib/modules/3.10.0-1160.el7.x86_64/modules.dep = -",
      base: .none, name: "overlayfs_3.10.0-1160.el7.x86_64_x.cpio.gz"),
    VerifyCase(
      "a name with another of these", "f 644 lib/modules/3.10.0-1160.el7.x86_64/modules.dep = -", base: .none,
      name: "overlayfs_3.10.0-1062.el7.x86_64_x.cpio.gz",
      finds: [
        "error: lib/modules/3.10.0-1160.el7.x86_64: is for the kernel 3.10.0-1160.el7.x86_64, but the archive's name says 3.10.0-1062.el7.x86_64"
      ]),
  ])
  func modules(_ given: VerifyCase) throws { try given.check() }

  /// Every module that is cut off anywhere is an error, compressed or not.
  @Test(arguments: ["cat", "xz -c", "gzip -c", "zstd -qc"])
  func cutModules(_ compressor: String) throws {
    let scratch = try ScratchDirectory()
    let suffix = ["cat": "", "xz -c": ".xz", "gzip -c": ".gz", "zstd -qc": ".zst"][compressor] ?? ""
    try Data(VerifyElf(vermagic: "6.1.0").bytes).write(to: URL(filePath: scratch("x.ko")))
    try verifyTool("sh", "-c", "\(compressor) <'\(scratch("x.ko"))' >'\(scratch("packed"))'")
    let whole = try Array(#require(FileManager.default.contents(atPath: scratch("packed"))))
    var layer = try VerifyLayer(VerifyLayer.required)
    let place = "lib/modules/6.1.0"
    for length in 0..<whole.count {
      try layer.add("\(place)/\(length).ko\(suffix)", .file(size: 0), 0o644, Array(whole.prefix(length)))
    }
    try layer.add("\(place)/whole.ko\(suffix)", .file(size: 0), 0o644, whole)
    try layer.add("lib/modules/6.2.0/whole.ko\(suffix)", .file(size: 0), 0o644, whole)
    let findings = try Verifier(archive: layer.archive(scratch("x.overlay.cpio.gz")), architecture: .x8664).findings()
    let damaged = findings.filter { $0.kind == .damaged }
    #expect(damaged.count == whole.count && damaged.allSatisfy { $0.severity == .error })
    #expect(
      Set(findings.filter { $0.kind != .damaged }.map { "\($0.kind) \($0.path?.description ?? "")" })
        == ["kernel lib/modules/6.2.0/whole.ko\(suffix)"])
  }
}
