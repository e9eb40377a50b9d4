import Overlay
import Recipes

/// Where all entries of an overlay come from.
///
///     var origins = Origins()
///     origins.apply(ArchiveChanges(from: nil, to: first), step: .required(source: "overlay-skel"))
///     origins.apply(ArchiveChanges(from: first, to: second), step: step, named: named)
struct Origins: Equatable, Sendable {
  /// What is known about one path.
  struct History: Hashable, Sendable {
    /// Who made the entry, as numbers of `table`, the oldest first. The last one made it as it is; the others made what it
    /// replaced. Never empty.
    var makers: [Int]
    /// Whether the last one has removed the entry, so that the overlay has none of that name.
    var isGone = false
  }

  /// Each origin once.
  private(set) var table: [Origin] = []
  private(set) var histories: [OverlayPath: History] = [:]
  private var numbers: [Origin: Int] = [:]

  init() {}

  /// - Parameter histories: their numbers are those of places in `table`.
  init(table: [Origin], histories: [OverlayPath: History]) {
    var places: [Int] = []
    for origin in table { places.append(number(of: origin)) }
    self.histories = histories.mapValues { History(makers: $0.makers.map { places[$0] }, isGone: $0.isGone) }
  }

  /// Who made the entry of that path, the oldest first; empty when nothing is known about it. The last one made it as it is,
  /// or has removed it.
  func makers(of path: OverlayPath) -> [Origin] { histories[path]?.makers.map { table[$0] } ?? [] }

  /// Whether there was an entry of that path, and its last maker has removed it.
  func isGone(_ path: OverlayPath) -> Bool { histories[path]?.isGone ?? false }

  /// Notes what a step has done.
  ///
  /// - Parameters:
  ///   - step: where all comes from that `named` does not name.
  ///   - named: may name more than what has changed.
  mutating func apply(_ changes: ArchiveChanges, step: Origin, named: [OverlayPath: Origin] = [:]) {
    for path in changes.made { note(named[path] ?? step, path, isGone: false) }
    for path in changes.gone { note(named[path] ?? step, path, isGone: true) }
  }

  private mutating func note(_ origin: Origin, _ path: OverlayPath, isGone: Bool) {
    let number = number(of: origin)
    var history = histories[path] ?? History(makers: [])
    if history.makers.last != number { history.makers.append(number) }
    history.isGone = isGone
    histories[path] = history
  }

  private mutating func number(of origin: Origin) -> Int {
    if let number = numbers[origin] { return number }
    table.append(origin)
    numbers[origin] = table.count - 1
    return table.count - 1
  }

  /// The same, with other places: a recipe whose lines were moved, or that was called from another directory, has the same
  /// steps at other places.
  func moved(_ move: (Place) -> Place) -> Origins {
    func moved(_ origin: Origin) -> Origin {
      switch origin {
      case .recipe(let place, let key, let detail): .recipe(move(place), key: key, detail: detail)
      case .package(let place, let name, let version):
        .package(move(place), name: name, version: version)
      case .required: origin
      }
    }
    return Origins(table: table.map(moved), histories: histories)
  }
}
