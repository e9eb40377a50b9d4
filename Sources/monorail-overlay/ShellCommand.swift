import ArgumentParser
import Overlay
import OverlayWorkspace
import SystemFiles

struct ShellCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shell",
    abstract: "Change an overlay from inside: a shell, or a command, in it over its base image.",
    discussion: """
      Lays the overlay over the base image, as on a node, and runs the command there
      as root, with /proc, /sys, /dev, and this machine's network and resolv.conf.
      When the command ends with 0, the result replaces the archive (or the
      directory) in one step; else that stays as it is. Without a command it is a
      shell: "exit" keeps the changes; when it ends with another code than 0, as
      "exit 1" does, you are asked. An archive that does not exist yet is made, with
      the required files of "pack".

      Everything is mounted in a private namespace and gone when the command ends,
      also after kill -9; so are all processes that the command left. No service
      starts: invoke-rc.d is told so by a policy-rc.d, which is there only for that
      time. Caches, package lists, locks and histories that the command left are not
      packed (--keep-caches packs them).

      What is changed is kept in memory while the command runs; --work-dir puts it
      on a disk. After kill -9 a directory .monorail-overlay-* is left there, which
      the next run with that --work-dir removes; beside a directory that was changed
      it is .NAME.shell-*. Nothing stays of an archive that was being written, but
      for the instant in which it gets its name: .NAME.SUFFIX. A new archive has a
      lock beside it while the command runs, .NAME.lock.

      EXAMPLES
        monorail-overlay shell --base base.squashfs.img tools.overlay.cpio.gz
        monorail-overlay shell --base base.squashfs.img tools.overlay.cpio.gz \\
          -- sh -c 'apt-get update && apt-get -y install ipmitool'
        monorail-overlay shell --base base.squashfs.img --offline \\
          --bind ./debs:/debs x.overlay.cpio.gz -- sh -c 'dpkg -i /debs/*.deb'

      EXIT CODES
        the command's own; 128 and the signal's number when a signal ended it;
        126 and 127 when it cannot be run or is not there; 125 when the workspace
        failed; 64 wrong usage
      """)

  @Option(help: "The base image, a squashfs.", completion: .file())
  var base: String

  @Argument(help: "The overlay: an archive, or a directory.", completion: .file())
  var overlay: String

  @Argument(parsing: .postTerminator, help: "A program and its arguments (default: a shell).")
  var command: [String] = []

  @Option(
    help: ArgumentHelp(
      "Show a file or directory of this machine in the workspace; may be given several times.", valueName: "src:dst"),
    transform: Self.bind)
  var bind: [Workspace.Bind] = []

  @Flag(help: "Without a network, and without this machine's resolv.conf.")
  var offline = false

  @Flag(help: "Keep caches, package lists, locks and histories that the command left.")
  var keepCaches = false

  @Option(
    help: "Keep what is changed in this directory, not in memory, while the command runs.", completion: .directory)
  var workDir: String?

  @Option(
    help: "The most memory for what is changed: bytes, or with a K, M or G behind it (default: half the machine's).")
  var memory: ByteCount?

  @Option(
    name: .shortAndLong, help: "Write the result to this archive, and leave the overlay as it is.", completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp(
      "gzip, zstd, xz or none (default: as the archive's name says; else as it was).", valueName: "format"))
  var compression: CompressionFormat?

  @Option(help: "How hard to compress, with --compression: gzip 1-12 (6), zstd 1-19 (11), xz 0-9 (3).")
  var level: Int?

  @OptionGroup var times: TimeOptions
  @OptionGroup var required: RequiredFilesOptions
  @OptionGroup var limits: LimitOptions

  @Flag(help: "Leave ACLs, capabilities and other extended attributes out, with a warning for each.")
  var dropXattrs = false

  func validate() throws {
    if let level {
      guard let compression else { throw ValidationError("--level needs --compression") }
      try compression.check(level)
    }
    let result = output ?? overlay
    // A directory stays one.
    guard !FileSystem.isDirectory(result) else { return }
    _ = try CompressionFormat(checking: result, chosen: compression)
  }

  func run() throws {
    let code: Int32
    do {
      code = try change()
    } catch let error as OverlayError {
      Terminal.say(error.description)
      throw ExitCodes.workspaceFailure
    }
    throw ExitCode(code)
  }

  private func change() throws -> Int32 {
    try PrivateNamespace.enter()
    let signals = try SignalWatch { Terminal.say($0) }
    var workspace = Workspace.Options(base: base)
    workspace.binds = bind
    workspace.isOffline = offline
    workspace.workDirectory = workDir
    workspace.memory = memory?.bytes
    var modification = Modification(workspace)
    modification.keepsCaches = keepCaches
    modification.dropsAttributes = dropXattrs
    modification.times = try times.times(default: .kept)
    modification.limits = limits.limits
    modification.compression = compression
    modification.level = level
    modification.output = output
    if !FileSystem.exists(overlay) { modification.required = try required.files() }
    modification.say = { Terminal.say($0) }
    var bar: (title: String, bar: ProgressBar)?
    modification.progress = { title, done, total in
      if bar?.title != title { bar = (title, ProgressBar(title)) }
      bar?.bar.show(done, of: total)
      if done >= total { bar?.bar.clear() }
    }
    return try modification.run(
      overlay, command: command, environment: Surroundings.environment, signals)
  }

  private static func bind(_ text: String) throws -> Workspace.Bind {
    guard let bind = Workspace.Bind(text) else {
      throw ValidationError(
        "give SRC:DST, a path of this machine and an absolute path in the workspace, as in --bind ./debs:/debs")
    }
    return bind
  }
}
