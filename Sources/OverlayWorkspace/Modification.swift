import CWorkspace
import Glibc
import Overlay
import SystemFiles

/// Changes an overlay by running a command in it, laid over its base image: unpacks it, runs the command, and puts the result
/// in the overlay's place. When anything fails the overlay is as it was.
public struct Modification {
  public var workspace: Workspace.Options
  /// Whether caches and the like that the command left are kept.
  public var keepsCaches = false
  public var dropsAttributes = false
  public var times = Packer.Times.kept
  public var limits = ArchiveLimits()
  /// Of the result; `nil` for what its name says, or else for what the archive had.
  public var compression: CompressionFormat?
  public var level: Int?
  /// What an archive that does not exist yet gets.
  public var required: RequiredFiles?
  /// Another place for the result, which becomes an archive there.
  public var output: String?
  /// What messages call the result, when not by its path.
  public var resultName: String?
  /// Whether what the command changed is thrown away: it is run for what it writes elsewhere.
  public var discardsChanges = false
  /// Whether to say how a command ended that failed; else the caller does.
  public var saysEnd = true
  public var say: @Sendable (String) -> Void = { _ in }
  /// Told what is being done, how much of it is done, and how much there is; the same twice at its end.
  public var progress: (String, Int, Int) -> Void = { _, _, _ in }

  public init(_ workspace: Workspace.Options) { self.workspace = workspace }

  /// - Parameters:
  ///   - name: an archive, one that is to be made, or a directory.
  ///   - command: a program and its arguments; a shell when it is empty.
  ///   - environment: the program's own.
  /// - Returns: the command's exit code; 128 and the signal's number when a signal ended it.
  public func run(
    _ name: String, command: [String], environment: [String: String], _ signals: SignalWatch
  ) throws(OverlayError) -> Int32 {
    do throws(OverlayError) { return try change(name, command, environment, signals) } catch {
      // A signal that ends the program removes its temporary files first: what fails because of that is not said.
      signals.waitIfEnding()
      throw error
    }
  }

  private func change(
    _ name: String, _ command: [String], _ environment: [String: String], _ signals: SignalWatch
  ) throws(OverlayError) -> Int32 {
    let target = try OverlayTarget(name)
    // An archive that stays as it is may be read by others meanwhile.
    let lock = try target.lock(signals, for: output == nil && !discardsChanges ? .changing : .writing)
    defer { withExtendedLifetime(lock) {} }
    let workspace = try Workspace(workspace, needed: try needed(target), signals)
    let space = SpaceWatch(workspace.scratch)
    let format = try naming(space) { () throws(OverlayError) in try unpack(target, workspace, signals) }
    let before = try SourceTree(workspace.upper.root).members().map(\.entry)
    while true {
      try naming(space) { () throws(OverlayError) in try workspace.open() }
      Checkpoint.mounted.reach()
      if command.isEmpty {
        say("this is the base image with \(target.name) over it; \"exit\" keeps what you change, \"exit 1\" does not")
      }
      let run = Result { () throws(OverlayError) in
        try workspace.run(command, environment: environment, space: space)
      }
      if let signal = signals.received {
        say("ended by \(SignalWatch.name(of: signal)): \(untouched(target))")
        return 128 + signal
      }
      let end = try run.get()
      let code = isKept(end, command) ? 0 : code(of: end, space, target)
      try workspace.close()
      guard code == 0, !discardsChanges else { return code }
      do throws(OverlayError) {
        try finish(target, lock, workspace, space, before, format, signals)
        return 0
      } catch {
        // The changes that a person has made by hand must not be lost.
        guard isPerson(command) else {
          throw space.wasFull ? withRemedy(error, space) : error
        }
        say(error.description)
        say("the shell goes on, so that you can mend this")
      }
    }
  }

  /// Whether somebody works in a shell.
  private func isPerson(_ command: [String]) -> Bool { command.isEmpty && isatty(STDIN_FILENO) == 1 }

  /// A shell ends with the code of its last command, so that a code other than 0 need not mean that the changes are unwanted:
  /// a person is asked.
  private func isKept(_ end: WorkspaceCommand.End, _ command: [String]) -> Bool {
    guard case .exited(let code) = end, code != 0, isPerson(command) else { return false }
    say("the shell ended with \(code), which its last command may have done: keep the changes? [y/N]")
    return readLine()?.lowercased().hasPrefix("y") == true
  }

  /// Paths of files that must stay reachable. What would fail at the end of the work fails here already.
  private func needed(_ target: OverlayTarget) throws(OverlayError) -> [String] {
    var paths = [target.path]
    if let output {
      let result = try OverlayTarget(output)
      guard result.kind != .directory else { throw OverlayError("-o \(output) is a directory, not an archive") }
      try result.checkReplaceable()
      paths.append(result.path)
    } else {
      try target.checkReplaceable()
    }
    guard target.kind == .newArchive, let required else { return paths }
    for path in [required.skeleton, required.rcLocal, required.agent] {
      guard FileSystem.exists(path) else {
        throw OverlayError(
          "\(target.name) is new and gets the required files, but there is no \(path); --no-required leaves them out")
      }
      paths.append(try Workspace.absolute(path))
    }
    return paths
  }

  private func code(of end: WorkspaceCommand.End, _ space: SpaceWatch, _ target: OverlayTarget) -> Int32 {
    let unchanged = untouched(target)
    let code: Int32
    switch end {
    case .exited(0): return 0
    case .exited(let number):
      code = number
      if saysEnd { say("the command ended with \(number): \(unchanged)") }
    case .signaled(let signal):
      code = 128 + signal
      if saysEnd { say("the command was ended by \(SignalWatch.name(of: signal)): \(unchanged)") }
    case .notStarted(let failure):
      // As shells say it.
      code = failure.errno == ENOENT ? 127 : 126
      say("\(failure): \(unchanged)")
    }
    if space.wasFull { say(full(space)) }
    return code
  }

  /// What to say of the place for the result, when there is no result.
  private func untouched(_ target: OverlayTarget) -> String {
    let name = resultName ?? output ?? target.name
    return FileSystem.exists(resultName ?? output ?? target.path) ? "\(name) is unchanged" : "\(name) was not made"
  }

  private func full(_ space: SpaceWatch) -> String {
    workspace.workDirectory.map { "there was no room left on the disk of \($0)" }
      ?? "the workspace's memory (\(space.sizeText)) was full: give --work-dir DIR on a disk, or more with --memory"
  }

  /// Runs what writes only into the workspace: when that was full, the error tells how to get more room.
  private func naming<Value>(
    _ space: SpaceWatch, _ step: () throws(OverlayError) -> Value
  ) throws(OverlayError) -> Value {
    do throws(OverlayError) { return try step() } catch {
      // What could not be written is gone by now, and there is room again.
      throw error.cause?.errno == ENOSPC ? withRemedy(error, space) : error
    }
  }

  private func withRemedy(_ error: OverlayError, _ space: SpaceWatch) -> OverlayError {
    let remedy = full(space)
    return OverlayError(error.message, remedy: remedy, cause: error.cause)
  }

  // MARK: - Into the workspace

  /// - Returns: how the archive is compressed, if there is one.
  private func unpack(
    _ target: OverlayTarget, _ workspace: Workspace, _ signals: SignalWatch
  ) throws(OverlayError) -> CompressionFormat? {
    var unpacker = Unpacker()
    unpacker.limits = limits
    unpacker.progress = { done, total in
      signals.waitIfEnding()
      progress("unpacking \(resultName ?? target.name)", done, total)
      Checkpoint.unpacking.reach()
    }
    switch target.kind {
    case .newArchive:
      try makeRoot(workspace)
      return nil
    case .archive:
      let summary = try unpacker.unpack(target.path, to: workspace.upper.root)
      progress("unpacking \(resultName ?? target.name)", 1, 1)
      if !summary.hasRoot { try copyRoot(workspace) }
      return summary.compression
    case .directory:
      let copy = workspace.scratch + "/copy"
      try copying("read \(target.name)", signals).pack(target.path, to: copy)
      _ = try unpacker.unpack(copy, to: workspace.upper.root)
      unlink(copy)
      return nil
    }
  }

  /// A packer that keeps owners and times as they are.
  private func copying(_ step: String, _ signals: SignalWatch) -> Packer {
    var packer = Packer()
    packer.writer = ArchiveWriter(compression: .none)
    packer.ownership = .keep
    packer.times = .kept
    packer.progress = {
      signals.waitIfEnding()
      progress(step, $0, $1)
    }
    return packer
  }

  private func makeRoot(_ workspace: Workspace) throws(OverlayError) {
    try check("make a directory for the changes") { mkdir(workspace.upper.root, 0o755) }
    try copyRoot(workspace)
  }

  /// The root of an overlay that says nothing about it is that of the base image.
  private func copyRoot(_ workspace: Workspace) throws(OverlayError) {
    guard let root = workspace.base.tree.status(of: .root) else { throw .system("look at the base image's root") }
    let upper = workspace.upper.root
    try check("copy the attributes of the base image's root") {
      chown(upper, root.st_uid, root.st_gid) | chmod(upper, root.st_mode & 0o7777)
        | utimensat(AT_FDCWD, upper, [root.st_mtim, root.st_mtim], 0)
    }
  }

  // MARK: - Out of it

  private func finish(
    _ target: OverlayTarget, _ lock: OverlayTarget.Lock, _ workspace: Workspace, _ space: SpaceWatch, _ before: [Entry],
    _ format: CompressionFormat?, _ signals: SignalWatch
  ) throws(OverlayError) {
    try naming(space) { () throws(OverlayError) in
      try OpaqueDirectories.expand(in: workspace.upper, over: workspace.base)
    }
    let after = try SourceTree(workspace.upper.root, name: "/").members(dropsAttributes: true).map(\.entry)
    try Tidying(before: before, after: after, base: workspace.base, keepsCaches: keepsCaches).apply(to: workspace.upper)
    var packer = copying("packing", signals)
    packer.times = times
    packer.dropsAttributes = dropsAttributes
    // As the command saw it.
    packer.directoryName = "/"
    packer.warn = { say("warning: \($0)") }
    if output == nil, target.kind == .directory {
      let result = workspace.scratch + "/result"
      _ = try naming(space) { () throws(OverlayError) in try packer.pack(workspace.upper.root, to: result) }
      try replace(target, lock, with: result, signals)
      return
    }
    let format = try CompressionFormat(named: output ?? target.path, chosen: compression, otherwise: format)
    packer.writer = ArchiveWriter(compression: format, level: level)
    if target.kind == .newArchive { packer.required = required }
    if output == nil {
      switch lock {
      case .archive(let lock): packer.writer.changed = lock
      case .new: packer.writer.mayReplace = false
      }
    }
    packer.progress = { done, total in
      signals.waitIfEnding()
      progress("packing \(resultName ?? output ?? target.name)", done, total)
      Checkpoint.packing.reach()
      if done == total { Checkpoint.packed.reach() }
    }
    packer.writer.willReplace = {
      signals.commit()
      Checkpoint.replacing.reach()
    }
    try packer.pack(workspace.upper.root, to: output ?? target.path)
  }

  /// Puts what an archive holds in a directory's place: all at once, so that nobody sees half of it.
  private func replace(
    _ target: OverlayTarget, _ lock: OverlayTarget.Lock, with result: String, _ signals: SignalWatch
  ) throws(OverlayError) {
    let (parent, name) = Path.split(target.path)
    guard !name.isEmpty else { throw OverlayError("\(target.name) is the root of this machine") }
    let staging = try Watched(signals) { () throws(OverlayError) in
      try StagingDirectory(in: parent, prefix: ".\(name).shell-")
    }
    var unpacker = Unpacker()
    unpacker.limits = limits
    unpacker.progress = { _, _ in
      signals.waitIfEnding()
      Checkpoint.staging.reach()
    }
    _ = try unpacker.unpack(result, in: staging.value)
    Checkpoint.exchanging.reach()
    // The path was resolved before the command ran. Another user could have put a symlink into it since, so that it leads to
    // a directory of the system's. The names below are those in the directory that is open now.
    if case .archive(let lock) = lock, !lock.isStill(name, in: staging.value.parent) { throw lock.wasReplaced() }
    signals.commit()
    guard monorail_exchange(staging.value.descriptor, Unpacker.stagedName, staging.value.parent, name) == 0 else {
      let failure = OverlayError.system("exchange \(target.name) for the result")
      throw OverlayError(
        "\(failure); it must not be a mount point, and its file system must know renameat2(2); -o FILE writes an archive"
      )
    }
  }
}
