import Overlay
import Recipes

/// `hooks`: lines at the end of `/opt/rc.local.hooks`, which rc.local runs before it starts the agent.
struct HooksStep: BuildStep {
  static let path = "opt/rc.local.hooks"

  let title = "hooks"
  let place: Place
  private let hooks: [Located<String>]

  /// `nil` when the recipe has none.
  init?(_ recipe: Recipe) {
    guard let first = recipe.hooks.map(\.place).min() else { return nil }
    (hooks, place) = (recipe.hooks, first)
  }

  func addInputs(to key: inout InputKey) throws(OverlayError) { for hook in hooks { key.add("hook", hook.value) } }

  func run(_ overlay: any OverlayState, _ build: BuildContext, to result: String) throws(OverlayError) {
    let path = try OverlayPath(Self.path)
    let archive = try overlay.archive()
    let base = try build.baseImage()
    var text = try contents(of: path, in: archive, over: base) ?? Array("#!/bin/sh\n".utf8)
    if let last = text.last, last != UInt8(ascii: "\n") { text.append(UInt8(ascii: "\n")) }
    for hook in hooks {
      text += hook.value.utf8
      if !hook.value.hasSuffix("\n") { text.append(UInt8(ascii: "\n")) }
    }
    var change = OverlayChange()
    (change.writer, change.limits) = (LayerCache.writer, build.limits)
    change.additions = [OverlayChange.Addition(path, .text(text), permissions: 0o755, place: "\(place)")]
    _ = try change.apply(to: archive, over: base, result: result, scratch: build.scratch)
  }

  private func contents(
    of path: OverlayPath, in archive: String, over base: BaseImage
  ) throws(OverlayError) -> [UInt8]? {
    do throws(OverlayError) { return try OverlayChange.contents(of: path, in: archive, over: base) } catch {
      throw OverlayError("\(place): hooks: \(error.message)", cause: error.cause)
    }
  }
}
