import Overlay
import Recipes
import SystemFiles

/// Explains entries of an overlay by what its build has noted beside the archive, or else by the archive itself.
public struct Explainer {
  /// Why the build's notes are not used; `nil` when they are.
  public let problem: String?

  private let archive: String
  private let index: ArchiveIndex
  private let base: BaseImage?
  private let required: RequiredFiles?
  private let view: NodeView
  private let notes: OriginsFile?
  private let lists: PackageLists
  /// Versions of packages, by their names with and without the architecture.
  private let versions: [String: String]

  /// Reads the archive, and what stands beside it.
  ///
  /// - Parameters:
  ///   - base: the image that the overlay is for, if it is at hand.
  ///   - required: the required files of the checkout, to compare with.
  ///   - progress: called with bytes of the archive: how many were read, how many there are.
  public init(
    _ archive: String, base: BaseImage?, required: RequiredFiles?, limits: ArchiveLimits = ArchiveLimits(),
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(OverlayError) {
    (self.archive, self.base, self.required) = (archive, base, required)
    let index = try FileFormat.explaining(archive) { () throws(OverlayError) in
      try ArchiveIndex(archive, limits: limits, digests: true, progress: progress)
    }
    self.index = index
    view = NodeView(index.entries, base: base)
    (notes, problem) = try Self.notes(archive)
    guard notes == nil else {
      (lists, versions) = (PackageLists(), [:])
      return
    }
    lists = try PackageLists(index, limits: limits)
    let installed = try DebianPackage.installed(in: index, limits: limits)
    versions = Dictionary(
      installed.flatMap { [($0.name, $0.version), ("\($0.name):\($0.architecture)", $0.version)] },
      uniquingKeysWith: { first, _ in first })
  }

  /// The build's notes, if they are about this archive.
  private static func notes(_ archive: String) throws(OverlayError) -> (OriginsFile?, problem: String?) {
    let path = OriginsFile.path(beside: archive)
    let otherwise = "so that origins are told from the archive alone"
    let notes: OriginsFile?
    do throws(OverlayError) { notes = try OriginsFile.read(beside: archive) } catch {
      return (nil, "\(error.message), \(otherwise)")
    }
    guard let notes else {
      return (nil, "there is no \(path), which \"build\" writes, \(otherwise)")
    }
    guard notes.archive.sha256 == (try FileDigest.sha256(of: archive, followsSymlinks: true)) else {
      return (nil, "\(path) is about another archive than \(archive), \(otherwise)")
    }
    return (notes, nil)
  }

  /// Explains an entry.
  ///
  /// - Parameter path: as on the node; symlinks on the way are followed.
  /// - Throws: when the overlay has no such entry. The error says what is there instead.
  public func explain(_ path: OverlayPath) throws(OverlayError) -> Explanation {
    if let entry = index[path] { return explain(entry) }
    switch view.look(at: path) {
    case .overlay(let found):
      guard let entry = index[found] else { throw withoutEntry(found) }
      var explanation = explain(entry)
      if let link = view.symlink(above: path) { explanation.reached = (path, link.path) }
      return explanation
    case .base(let found, let entry):
      throw missing(path, "nodes see the base image's \(found == path ? "" : "\(found), a ")\(entry)")
    case .removed(let whiteout) where whiteout != path:
      throw missing(path, "\(whiteout) is a whiteout, which removes it with all that the base image has in it")
    case .removed(let whiteout): throw missing(path, "\(whiteout) is a whiteout")
    case .notDirectory(let other): throw missing(path, "\(other) is no directory")
    case .circle: throw missing(path, "symlinks on the way lead in a circle")
    case .missing: throw missing(path, base == nil ? nil : "nor has the base image", hint: nearest(path))
    case .unknown:
      throw missing(path, base == nil ? "--base IMAGE tells whether the base image has it" : nil, hint: nearest(path))
    }
  }

  private func explain(_ entry: Entry) -> Explanation {
    let makers = notes?.origins.makers(of: entry.path) ?? []
    let source = makers.last.map { .origin($0) } ?? (notes == nil ? sourceByArchive(entry) : .build)
    return Explanation(
      entry, sha256: index.digest(of: entry.path), source: source, replaced: makers.dropLast().reversed(),
      hidden: hidden(entry))
  }

  private func hidden(_ entry: Entry) -> Explanation.Hidden {
    let found: HiddenEntry?
    if let base {
      found = base.hidden(by: [entry])[entry.path]
    } else if let notes {
      found = notes.hidden[entry.path]
    } else {
      return .unknown
    }
    return found.map { .entry($0) } ?? .nothing
  }

  // MARK: - Without notes

  private func sourceByArchive(_ entry: Entry) -> Explanation.Source {
    if let required = requiredSource(entry) { return required }
    // Packages have no whiteouts: a list that names one is that of a package whose file was removed.
    let packages = entry.isWhiteout ? [] : lists.packages(of: entry.path)
    // Most directories are in the lists of several packages: none of these has made it alone.
    guard packages.count == 1, let name = packages.first else { return .unknown }
    return .package(name: name, version: versions[name])
  }

  private func requiredSource(_ entry: Entry) -> Explanation.Source? {
    let name = "\(entry.path)"
    let known = [RequiredFiles.agentPath, RequiredFiles.rcLocalPath].contains(name)
    guard case .file = entry.kind, let file = required?.file(for: entry.path) else {
      return known ? .required(source: RequiredFiles.source(of: entry.path), isSame: nil) : nil
    }
    guard let sha256 = try? FileDigest.sha256(of: file, followsSymlinks: true) else {
      return known ? .required(source: file, isSame: nil) : nil
    }
    return .required(source: file, isSame: sha256 == index.digest(of: entry.path))
  }

  // MARK: - What is not there

  private func missing(_ path: OverlayPath, _ reason: String?, hint: OverlayPath? = nil) -> OverlayError {
    var text = "\(archive) has no \(path)"
    if let reason { text += ": \(reason)" }
    if let notes, notes.origins.isGone(path), let last = notes.origins.makers(of: path).last {
      return OverlayError("\(text); a step of the build took it away: \(last)")
    }
    return OverlayError(text, remedy: hint.map { "Did you mean \($0)?" })
  }

  private func withoutEntry(_ directory: OverlayPath) -> OverlayError {
    let count = index.entries.count { $0.path.isInside(directory) }
    return OverlayError(
      "\(archive) has no entry for the directory \(directory), only \(count) in it; nodes make it with the mode 0755")
  }

  /// An entry that may be meant: of the same name elsewhere, or of a similar name in the same directory.
  private func nearest(_ path: OverlayPath) -> OverlayPath? {
    let same = index.entries.filter { $0.path.name == path.name && !$0.isWhiteout }
    if let first = same.first, same.count == 1 { return first.path }
    guard let parent = path.parent, let name = String(validating: path.name, as: UTF8.self) else { return nil }
    let others = index.entries.filter { $0.path.parent == parent && !$0.isWhiteout }.compactMap {
      String(validating: $0.path.name, as: UTF8.self)
    }
    return Spelling.nearest(to: name, among: others).map { parent.appending($0.utf8) }
  }
}

extension RequiredFiles {
  /// The file of this machine that becomes an entry; there may be none of that path.
  fileprivate func file(for path: OverlayPath) -> String? {
    switch Self.source(of: path) {
    case "monorail-agent": agent
    case "rc.local": rcLocal
    default: FileSystem.exists("\(skeleton)/\(path)") ? "\(skeleton)/\(path)" : nil
    }
  }
}
