import Overlay

/// Where something stands in a recipe: `discovery.yaml:12`.
public struct Place: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The recipe's path, as it is shown to people.
  public let file: String
  /// Counted from 1.
  public let line: Int

  public init(_ file: String, line: Int) { (self.file, self.line) = (file, line) }

  /// In one line of a terminal, whatever the file's name is.
  public var description: String { "\(OverlayPath.printable(file.utf8)):\(line)" }

  public static func < (left: Place, right: Place) -> Bool {
    left.file == right.file ? left.line < right.line : left.file < right.file
  }
}

/// A value of a recipe, and where it stands.
public struct Located<Value: Sendable>: Sendable {
  public var value: Value
  public var place: Place

  public init(_ value: Value, _ place: Place) { (self.value, self.place) = (value, place) }
}

extension Located: Equatable where Value: Equatable {}

/// What is wrong in a recipe: the place, the fact, and what is right.
public struct Mistake: Error, Hashable, Sendable, Comparable, CustomStringConvertible {
  public let place: Place
  public let message: String

  public init(_ place: Place, _ message: String) { (self.place, self.message) = (place, message) }

  public var description: String { "\(place): \(message)" }

  public static func < (left: Mistake, right: Mistake) -> Bool {
    left.place == right.place ? left.message < right.message : left.place < right.place
  }
}
