import Overlay
import Recipes

/// Where an entry of an overlay comes from.
public enum Origin: Sendable, Hashable {
  /// A part of a recipe.
  ///
  /// - Parameters:
  ///   - key: the recipe's key: `files`, `commands`.
  ///   - detail: what of it, as it stands in the recipe: the source's path, the command's first line. May be empty.
  case recipe(Place, key: String, detail: String)
  /// A Debian package that a recipe asks for, or that one of those depends on.
  case package(Place, name: String, version: String)
  /// A required file of every overlay.
  ///
  /// - Parameter source: `overlay-skel`, `rc.local`, `monorail-agent`.
  case required(source: String)
}
