import Overlay
import Recipes

/// `remove`: names that the node does not have.
struct RemoveStep: BuildStep {
  let title = "remove"
  let place: Place
  var places: [Place] { [place] + removals.map(\.place) }
  private let removals: [Located<OverlayPath>]

  /// `nil` when the recipe has none.
  init?(_ recipe: Recipe) {
    guard let first = recipe.removals.map(\.place).min() else { return nil }
    (removals, place) = (recipe.removals, first)
  }

  func addInputs(to key: inout InputKey) throws(OverlayError) {
    for removal in removals { key.add("path", removal.value.bytes) }
  }

  func run(_ overlay: any OverlayState, _ build: BuildContext, to result: String) throws(OverlayError) {
    var change = OverlayChange()
    (change.writer, change.limits) = (LayerCache.writer, build.limits)
    change.removals = removals.map { OverlayChange.Removal($0.value, place: "\($0.place)") }
    _ = try change.apply(
      to: try overlay.archive(), over: try build.baseImage(), result: result, scratch: build.scratch)
  }

  func origins(of changed: [OverlayPath], in archive: String) throws(OverlayError) -> [OverlayPath: Origin] {
    Dictionary(
      removals.map { ($0.value, Origin.recipe($0.place, key: title, detail: "")) },
      uniquingKeysWith: { first, _ in first })
  }
}
