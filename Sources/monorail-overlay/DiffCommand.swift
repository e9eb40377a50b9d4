import ArgumentParser
import JSONDocument
import Overlay

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Tell how two overlays differ: what was added, removed or changed.",
    discussion: """
      Each of the two is an archive or a directory. One line an entry that differs,
      nothing when all is the same:
        added    etc/issue: file of 23 bytes, mode 0644, owner 0:0
        removed  etc/motd: whiteout, mode 0000, owner 0:0
        changed  etc/conf: content 5891b5b522d5 -> 77c7ce9a5d86, size 6 -> 7

      What can change: type, content (as its SHA-256 begins), size, target (of a
      symlink), device, mode, owner, group, time, links (the other names of the same
      file).

      --json prints an object with the lists added and removed, of entries as
      "list --json" prints them with their sha256, and changed, of objects with path,
      differences (a list of the words above), from and to.

      EXAMPLES
        monorail-overlay diff old.overlay.cpio.gz new.overlay.cpio.gz
        monorail-overlay diff --ignore-times x.overlay.cpio.gz ./tree

      \(ExitCodes.help)
      """)

  @Argument(help: "The old archive or directory.", completion: .file())
  var old: String

  @Argument(help: "The new archive or directory.", completion: .file())
  var new: String

  @Flag(help: "Entries that differ only in their times are the same.")
  var ignoreTimes = false

  @Flag(help: "Print JSON, also when there is no difference.")
  var json = false

  @OptionGroup var limits: LimitOptions

  func run() throws {
    let before = try contents(of: old)
    let after = try contents(of: new)
    let comparison = try Comparison(before, after, ignoresTimes: ignoreTimes)
    let output = StandardOutput()
    if json {
      try output.write(try document(comparison, before, after).prettyText)
    } else {
      for change in comparison.changes { try output.write(Self.line(change)) }
    }
    try output.finish()
    if !comparison.changes.isEmpty { throw ExitCodes.findings }
  }

  private func contents(of path: String) throws -> OverlayContents {
    let progress = ProgressBar("reading \(path)")
    defer { progress.clear() }
    return try OverlayContents(path, limits: limits.limits, warn: Terminal.warn, progress: progress.show)
  }

  private static func line(_ change: Comparison.Change) -> String {
    func details(_ entry: Entry) -> String {
      "\(entry.path): \(entry.summary), mode \(entry.octalMode), owner \(entry.owner):\(entry.group)"
    }
    return switch change {
    case .added(let entry): "added    \(details(entry))\n"
    case .removed(let entry): "removed  \(details(entry))\n"
    case .changed(let entry, _, let differences):
      "changed  \(entry.path): \(differences.map(\.description).joined(separator: ", "))\n"
    }
  }

  private func document(
    _ comparison: Comparison, _ before: OverlayContents, _ after: OverlayContents
  ) throws -> JSON {
    func entry(_ entry: Entry, _ contents: OverlayContents) throws -> JSON {
      entry.json(links: contents.otherNames(of: entry).first, sha256: try contents.digest(of: entry))
    }
    var (added, removed, changed): ([JSON], [JSON], [JSON]) = ([], [], [])
    for change in comparison.changes {
      switch change {
      case .added(let new): added.append(try entry(new, after))
      case .removed(let old): removed.append(try entry(old, before))
      case .changed(let old, let new, let differences):
        var object = old.path.json
        object["differences"] = .array(differences.map { .string($0.attribute.rawValue) })
        object["from"] = try entry(old, before)
        object["to"] = try entry(new, after)
        changed.append(.object(object))
      }
    }
    return ["added": .array(added), "removed": .array(removed), "changed": .array(changed)]
  }
}
