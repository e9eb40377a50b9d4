import ArgumentParser
import JSONDocument
import Overlay
import OverlayWorkspace

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Make one overlay of several: later ones win.",
    discussion: """
      For nodes that take only one overlay, as those with a kernel before 3.18. The
      merged one, laid over the base image, shows what the given ones show when they
      are laid over it one after the other:
        - Directories are joined; the last one says what mode and owner they have.
        - Everything else replaces what earlier overlays have under its name, whole
          directories too.
        - A whiteout takes that name away, from the base image as well.
        - A file with several names keeps those that no later overlay has taken.

      Where a directory takes the place of an earlier overlay's file, symlink or
      whiteout, all must stay hidden that the base image has in that directory. An
      archive can say so only name by name, so --base IMAGE, the image that the
      overlay is for, must be given then.

      Some files are made of all overlays, as far as two have different ones:
        - dpkg's and apt's lists of packages (var/lib/dpkg/status and others) are
          combined, so that the packages of all overlays are known; of two versions
          of a package the later overlay's. With --base, what each overlay changed is
          compared with the base's list; without, a package that an overlay removed
          is known only by its whiteouts.
        - etc/ld.so.cache and the lists of depmod (modules.dep and others) are made
          anew, by ldconfig and depmod in the merged overlay over the base. That
          needs --base and root; without them merge refuses.

      Any other name of which two overlays have different entries is a warning; with
      --strict an error, the exit code is 1, and nothing is written. Times alone do
      not count. --json prints an object: entries (how many were written, null when
      none were), combined and made (the paths of the files above), and conflicts, a
      list of objects with path, winner, loser, differences (as in "diff --json") and
      hidden (how many entries went with a directory).

      Times are as in the archives, at most SOURCE_DATE_EPOCH when that is set.

      EXAMPLES
        monorail-overlay merge a.cpio.gz vendor.cpio.gz -o both.overlay.cpio.gz
        monorail-overlay merge a.cpio.gz b.cpio.gz -o m.cpio.gz --base base.img
        sudo monorail-overlay merge pkg1.cpio.gz pkg2.cpio.gz -o p.cpio.gz \\
          --base base.squashfs.img

      \(ExitCodes.help)
      """)

  @Argument(help: "The archives, the one that is laid first first.", completion: .file())
  var archives: [String]

  @Option(
    name: .shortAndLong,
    help: "The archive to write. It may be one of the others; what is there stays until the new one is complete.",
    completion: .file())
  var output: String

  @Option(help: ArgumentHelp("The squashfs image that the overlay is for.", valueName: "image"), completion: .file())
  var base: String?

  @Flag(help: "Write nothing when overlays have different entries of one name.")
  var strict = false

  @Flag(help: "Print the conflicts as JSON.")
  var json = false

  @OptionGroup var compression: CompressionOptions
  @OptionGroup var times: TimeOptions
  @OptionGroup var limits: LimitOptions

  func validate() throws {
    guard archives.count > 1 else { throw ValidationError("give at least two archives to merge") }
    _ = try compression.writer(for: output)
  }

  func run() throws {
    var merger = Merger()
    merger.writer = try compression.writer(for: output)
    merger.times = try times.times(default: .kept)
    merger.limits = limits.limits
    merger.base = try base.map { (path: String) in try BaseImage(path) }
    let progress = ProgressBar("merging to \(output)")
    merger.progress = progress.show
    var plan = try cleared(progress) { try merger.plan(archives) }
    let isRefused = strict && !plan.conflicts.isEmpty
    if !json {
      for conflict in plan.conflicts {
        if strict { Terminal.say(conflict.description) } else { Terminal.warn(conflict.description) }
      }
      if isRefused { Terminal.say("\(output) was not written: \(Self.count(plan.conflicts.count))") }
    }
    var entries: Int?
    if !isRefused {
      if let base, !plan.lists.isEmpty { try cleared(progress) { try makeLists(of: &plan, merger, base) } }
      entries = try cleared(progress) { try merger.write(plan, to: output) }
    }
    if json {
      let output = StandardOutput()
      try output.write(Self.document(plan, entries: entries).prettyText)
      try output.finish()
    }
    if isRefused { throw ExitCodes.findings }
  }

  /// Runs ldconfig and depmod in the merged overlay over the base.
  private func makeLists(of plan: inout Merger.Plan, _ merger: Merger, _ base: String) throws {
    var merger = merger
    merger.writer = ArchiveWriter(compression: .none)
    merger.progress = { _, _ in }
    let draft = plan
    var lists = MergedLists(base: base)
    lists.limits = limits.limits
    lists.say = { Terminal.say($0) }
    try lists.run(
      draft.lists.script(), beside: output, environment: Surroundings.environment,
      write: { (path) throws(OverlayError) in _ = try merger.writeAsIs(draft, to: path) },
      take: { (path) throws(OverlayError) in try plan.take(listsFrom: path, limits: limits.limits) })
  }

  /// Runs a step, and takes its bar off the terminal's line before anything else is printed.
  private func cleared<Value>(_ progress: ProgressBar, _ step: () throws -> Value) rethrows -> Value {
    defer { progress.clear() }
    return try step()
  }

  private static func count(_ conflicts: Int) -> String { conflicts == 1 ? "1 conflict" : "\(conflicts) conflicts" }

  private static func document(_ plan: Merger.Plan, entries: Int?) -> JSON {
    let list = plan.conflicts.map { conflict -> JSON in
      var object = conflict.path.json
      object["winner"] = .string(conflict.winner)
      object["loser"] = .string(conflict.loser)
      object["differences"] = .array(conflict.differences.map { .string($0.attribute.rawValue) })
      object["hidden"] = .integer(conflict.hidden)
      return .object(object)
    }
    return [
      "entries": entries.map { .integer($0) } ?? .null, "combined": .array(plan.combined.map { .string("\($0)") }),
      "made": .array(plan.made.map { .string("\($0)") }), "conflicts": .array(list),
    ]
  }
}
