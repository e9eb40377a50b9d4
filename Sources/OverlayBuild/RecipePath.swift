import Recipes
import SystemFiles

extension Recipe {
  /// The recipe's path, relative to a directory: the same on every machine.
  func path(from base: String) -> String {
    let from = Path.components(base)
    let to = Path.components(directory)
    let common = zip(from, to).prefix { $0 == $1 }.count
    let up = Array(repeating: "..", count: from.count - common)
    return (up + to[common...] + [Path.split(file).name]).joined(separator: "/")
  }
}
