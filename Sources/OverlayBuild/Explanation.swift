import Overlay
import Recipes

/// Where an entry of an overlay comes from, and what it hides in the base image.
public struct Explanation: Sendable {
  public let entry: Entry
  /// Of a regular file, in hexadecimal.
  public let sha256: String?
  /// The path that was asked for, when symlinks lead from there to the entry, and the first of them.
  public internal(set) var reached: (from: OverlayPath, through: OverlayPath)?
  /// Who made the entry as it is.
  public let source: Source
  /// Who made what it replaced in the overlay, the newest first.
  public let replaced: [Origin]
  public let hidden: Hidden

  /// Where it comes from.
  public enum Source: Sendable, Equatable {
    /// What the build has noted.
    case origin(Origin)
    /// A package whose list in the overlay names it; without a version when dpkg's status file does not have the package.
    case package(name: String, version: String?)
    /// It has the place of a required file.
    ///
    /// - Parameter isSame: whether it has the contents that the checkout's file has now; `nil` when there is none to compare.
    case required(source: String, isSame: Bool?)
    /// The build, before the recipe's first step: the root directory.
    case build
    case unknown
  }

  /// What it hides in the base image.
  public enum Hidden: Sendable, Equatable {
    case nothing
    case entry(HiddenEntry)
    /// No base image was given, and no build has noted it.
    case unknown
  }

  init(_ entry: Entry, sha256: String?, source: Source, replaced: [Origin], hidden: Hidden) {
    (self.entry, self.sha256, self.source) = (entry, sha256, source)
    (self.replaced, self.hidden) = (replaced, hidden)
  }

  /// For people, a line each: where it comes from, what it replaced, what it hides.
  public var lines: [String] {
    var lines = ["\(entry.isWhiteout ? "removed by" : "from")  \(source)"]
    lines += replaced.map { "before that  \($0)" }
    switch hidden {
    case .nothing: lines.append(entry.isWhiteout ? "removes  nothing of the base image" : "hides  nothing")
    case .entry(let other) where entry.isDirectory && other.kind == .directory:
      lines.append("changes  the base image's directory, which has the mode \(other.octalMode)")
    case .entry(let other):
      lines.append("\(entry.isWhiteout ? "removes" : "hides")  the base image's \(other)")
    case .unknown: lines.append("hides  not known without --base IMAGE")
    }
    return lines
  }
}

extension Explanation.Source: CustomStringConvertible {
  public var description: String {
    switch self {
    case .origin(let origin): origin.description
    case .package(let name, let version):
      "package \(name.printable)\(version.map { " \($0.printable)" } ?? ""), by dpkg's lists in the overlay"
    case .required(let source, true?): "required file, the same as \(source)"
    case .required(let source, false?):
      "not known; it has the place of a required file, but is another one than \(source)"
    case .required(let source, nil): "required file, by its place; \(source) is not here to compare"
    case .build: "the build itself, before the recipe's first step"
    case .unknown: "not known: nothing in the overlay tells it"
    }
  }
}

extension Origin: CustomStringConvertible {
  /// `discovery.yaml:12, files: motd`
  public var description: String {
    switch self {
    case .recipe(let place, let key, let detail):
      "\(place), \(key.printable)\(detail.isEmpty ? "" : ": \(detail.printable)")"
    case .package(let place, let name, let version): "package \(name.printable) \(version.printable), for \(place)"
    case .required(let source): "required file, from \(source.printable)"
    }
  }
}
