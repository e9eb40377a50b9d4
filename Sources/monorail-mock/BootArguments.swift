import ArgumentParser
import Foundation
import MockMonorail

/// The options of `serve` that say what nodes boot.
struct BootArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Served at /common/: the kernel, initramfs, base image and overlays that nodes boot.", valueName: "dir"),
    completion: .directory)
  var bootDir: String?

  @Option(help: ArgumentHelp("The kernel, in the boot directory (default: the newest vmlinuz-*).", valueName: "name"))
  var kernelFile: String?

  @Option(help: ArgumentHelp("The initramfs (default: initrd.img-* of the kernel's version).", valueName: "name"))
  var initrdFile: String?

  @Option(
    help: ArgumentHelp("The base image (default: base.*.squashfs.img of the kernel's version).", valueName: "name"))
  var basefsFile: String?

  @Option(
    help: ArgumentHelp(
      "The overlays, unpacked in this order (default: discovery.overlay.cpio.gz).", valueName: "name,..."))
  var overlayfsFile: String?

  @Option(help: ArgumentHelp("More kernel parameters; may be repeated.", valueName: "text"))
  var kernelArgs: [String] = []

  @Option(help: ArgumentHelp("The nodes' console beside tty0.", valueName: "device"))
  var console = BootOptions().console

  @Option(
    help: ArgumentHelp(
      "Keep GRUB's profiles (grub.cfg) in this directory of a TFTP server, for Secure Boot: docs/racks.md.",
      valueName: "dir"), completion: .directory)
  var grubDir: String?

  @Option(
    help: ArgumentHelp(
      "What the URLs of images begin with when another server has the boot directory, as http://10.1.0.1:8080/common.",
      valueName: "url"))
  var imageServer: String?

  @Flag(help: "Give nodes the SHA-256 of the base image and the overlays, from the .sha256 files beside them.")
  var digests = false

  func validate() throws {
    if let imageServer, URL(string: imageServer)?.host == nil || !imageServer.hasPrefix("http") {
      throw ValidationError("--image-server \(imageServer) is no URL: write it as http://10.1.0.1:8080/common")
    }
    guard bootDir == nil else { return }
    let given = [
      ("kernel-file", kernelFile), ("initrd-file", initrdFile), ("basefs-file", basefsFile),
      ("overlayfs-file", overlayfsFile), ("kernel-args", kernelArgs.first), ("grub-dir", grubDir),
      ("image-server", imageServer), ("digests", digests ? "" : nil),
    ]
    if let name = given.first(where: { $0.1 != nil })?.0 {
      throw ValidationError("--\(name) needs --boot-dir: give the directory that nodes boot from")
    }
  }

  var options: BootOptions {
    var options = BootOptions()
    options.kernelFile = kernelFile
    options.initrdFile = initrdFile
    options.basefsFile = basefsFile
    options.overlayfsFiles = overlayfsFile.map(BootOptions.names)
    options.kernelArguments = kernelArgs.joined(separator: " ")
    options.console = console
    options.withDigests = digests
    return options
  }
}
