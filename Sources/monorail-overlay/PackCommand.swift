import ArgumentParser
import Overlay

struct PackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Make an overlay archive of a directory.",
    discussion: """
      Adds the required files: the skeleton (overlay-skel/), /etc/rc.local, and the
      agent, /opt/monorail/monorail-agent. Where the directory has a file of the
      same name, that one is taken. All entries belong to root, and their times are
      at most SOURCE_DATE_EPOCH (or --mtime; without both 0): the same tree gives
      the same bytes everywhere.

      The name of the archive says how it is compressed: .gz, .zst or .xz; .cpio is
      not compressed. With another name it is gzip, or what --compression says.

      EXAMPLES
        monorail-overlay pack ./tree -o dist/discovery.overlay.cpio.gz
        monorail-overlay pack ./tree -o small.overlay.cpio.xz --level 9
        monorail-overlay pack ./tree -o x.overlay.cpio.gz --manifest devices.txt

      A manifest gives owners, modes and devices, which a directory cannot have
      without root. It has a line for each entry, as unpack writes them:
        # path type mode uid gid [major minor [mtime]]
        dev/console c 600 0 5 5 1

      What a newc archive cannot hold is refused by name: files of 4 GiB and more,
      opaque directories, ACLs, capabilities and other extended attributes
      (--drop-xattrs leaves the last three out). The kernel shows opaque directories
      only to root: without root, pack says that it could not look for them.

      \(ExitCodes.help)
      """)

  @Argument(help: "The directory.", completion: .directory)
  var directory: String

  @Option(
    name: .shortAndLong, help: "The archive to write. What is there stays until the new one is complete.",
    completion: .file())
  var output: String

  @OptionGroup var compression: CompressionOptions
  @OptionGroup var required: RequiredFilesOptions

  @Option(help: "The owner of the entries: root, or keep (as in the directory).")
  var owner = Packer.Ownership.root

  @OptionGroup var times: TimeOptions

  @Option(help: "A file with owners, modes and devices.", completion: .file())
  var manifest: String?

  @Flag(help: "Leave ACLs, capabilities and other extended attributes out, with a warning for each.")
  var dropXattrs = false

  func validate() throws { _ = try compression.writer(for: output) }

  func run() throws {
    var packer = Packer()
    packer.writer = try compression.writer(for: output)
    packer.writer.takesDigest = true
    packer.ownership = owner
    packer.times = try times.times(default: .clamped(to: 0))
    packer.required = try required.files()
    packer.manifest = try manifest.map { (path: String) in try Manifest(contentsOf: path) }
    packer.dropsAttributes = dropXattrs
    packer.warn = Terminal.warn
    let progress = ProgressBar("packing \(directory)")
    packer.progress = progress.show
    let summary: ArchiveWriter.Summary
    do {
      defer { progress.clear() }
      summary = try packer.pack(directory, to: output)
    }
    // On stderr: scripts may have sent stdout to the archive itself, as with "-o /dev/stdout".
    Terminal.say(text(summary))
    if !ExtendedAttributes.areAllVisible {
      Terminal.say(
        "opaque directories were not looked for, since the kernel shows them only to root: if \(directory) is an upper"
          + " directory of overlayfs, pack it as root")
    }
  }

  /// `x.cpio.gz: 1234 bytes, 5 entries, sha256 …`
  private func text(_ summary: ArchiveWriter.Summary) -> String {
    let entries = summary.entries == 1 ? "1 entry" : "\(summary.entries) entries"
    return "\(output): \(summary.size) bytes, \(entries)" + (summary.digest.map { ", sha256 \($0)" } ?? "")
  }
}

extension Packer.Ownership: ExpressibleByArgument {}
