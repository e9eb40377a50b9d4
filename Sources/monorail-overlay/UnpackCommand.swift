import ArgumentParser
import Overlay

struct UnpackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpack",
    abstract: "Unpack an overlay archive into a directory.",
    discussion: """
      Reads newc archives, plain or compressed with gzip, zstd or xz, and files of
      several archives one after another, as an initrd can be. Nothing is ever
      written outside of the directory. A directory that does not exist yet gets its
      name only when everything is unpacked.

      Without root, owners and devices cannot be set; they go to a manifest, which
      pack reads back:
        monorail-overlay unpack x.overlay.cpio.gz tree
        monorail-overlay pack tree --manifest tree.manifest --no-required \\
          -o x.overlay.cpio.gz
      With root, "pack --owner keep" does the same. Either gives the same bytes
      again, as long as the archive came from pack with the same options.

      \(ExitCodes.help)
      """)

  @Argument(help: "The archive.", completion: .file())
  var archive: String

  @Argument(help: "The directory.", completion: .directory)
  var directory: String

  @Flag(help: "Replace files that are there already.")
  var force = false

  @Option(
    help: "Write owners, modes and devices to this file (default: DIRECTORY.manifest without root, none with it).",
    completion: .file())
  var manifest: String?

  @OptionGroup var limits: LimitOptions

  func run() throws {
    var unpacker = Unpacker()
    unpacker.replacesFiles = force
    unpacker.manifest = manifest
    unpacker.limits = limits.limits
    let progress = ProgressBar("unpacking \(archive)")
    unpacker.progress = progress.show
    let summary: Unpacker.Summary
    do {
      defer { progress.clear() }
      summary = try unpacker.unpack(archive, to: directory)
    }
    if let manifest = summary.manifest { print("owners, modes and devices: \(manifest)") }
  }
}
