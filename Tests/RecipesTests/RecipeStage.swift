import Foundation
import SystemFiles
import TestSupport

@testable import Recipes

/// A directory with recipes and what they name. Recipes are shown as `DIR/name`.
final class RecipeStage {
  let scratch: ScratchDirectory
  /// The begin of a `.deb` file (deb(5)).
  static let debianPackage = "!<arch>\ndebian-binary   1700000000  0     0     100644  4         `\n2.0\n"

  /// Without symlinks.
  let directory: String
  var permissions = Permissions()
  var variables: [String: String] = [:]

  /// - Parameter recipe: the text of `a.yaml`.
  init(_ recipe: String = "", files: [String: String] = [:]) throws {
    scratch = try ScratchDirectory()
    directory = Path.resolved(scratch.path) ?? scratch.path
    try write(recipe, to: "a.yaml")
    for (name, text) in files { try write(text, to: name) }
  }

  func callAsFunction(_ name: String) -> String { "\(directory)/\(name)" }

  /// Writes a file, and makes the directories that it is in.
  func write(_ text: String, to name: String) throws {
    try FileManager.default.createDirectory(
      atPath: (self(name) as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try text.write(toFile: self(name), atomically: false, encoding: .utf8)
  }

  func load(_ name: String = "a.yaml") throws(Mistakes) -> RecipeSet {
    try RecipeSet(contentsOf: self(name), permissions: permissions, variables: variables)
  }

  /// The mistakes of a recipe, without the directory; none when there are none.
  func mistakes(_ name: String = "a.yaml") -> [String] {
    do throws(Mistakes) {
      _ = try load(name)
      return []
    } catch { return error.list.map { $0.description.replacingOccurrences(of: directory + "/", with: "") } }
  }
}
