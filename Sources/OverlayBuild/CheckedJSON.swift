import Glibc
import JSONDocument
import Overlay
import SystemFiles

/// A part of a JSON file that this program has written, and that somebody may have changed since. What is not as it was
/// written is an error that names the file and the place in it.
struct CheckedJSON {
  let value: JSON
  /// `x.origins.json: entries[3].from`
  private let place: String

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - format: what the member `format` must be.
  ///   - limit: bytes.
  ///   - followsSymlinks: for a path that a person has given.
  /// - Returns: `nil` when there is no such file.
  static func file(
    _ path: String, format: Int, limit: Int = 128 << 20, maximumValues: Int = 4_000_000,
    followsSymlinks: Bool = true
  ) throws(OverlayError) -> CheckedJSON? {
    let bytes: [UInt8]
    do throws(OverlayError) {
      bytes = try PlainFile(path, followsSymlinks: followsSymlinks).contents(limit: limit)
    } catch {
      guard error.cause?.errno != ENOENT else { return nil }
      throw error
    }
    let value: JSON
    do throws(JSONParseError) { value = try JSON(parsing: bytes, maximumValues: maximumValues) } catch {
      throw OverlayError("\(path): \(error)")
    }
    let document = CheckedJSON(value: value, place: path)
    guard case .object = value else { throw document.error("it is no JSON object") }
    let found = try document.integer("format")
    guard found == format else {
      throw document.error("it has the format \(found), and this program knows only \(format)")
    }
    return document
  }

  func error(_ reason: String) -> OverlayError { OverlayError("\(place): \(reason)") }

  /// The member of that name; `nil` when there is none.
  subscript(_ key: String) -> CheckedJSON? { value[key].map { CheckedJSON(value: $0, place: "\(place): \(key)") } }

  func member(_ key: String) throws(OverlayError) -> CheckedJSON {
    guard let member = self[key] else { throw error("it has no \"\(key)\"") }
    return member
  }

  func text() throws(OverlayError) -> String {
    guard let text = value.stringValue else { throw error("it is no text") }
    return text
  }

  /// A whole number that is not negative.
  func integer() throws(OverlayError) -> Int {
    guard let number = value.intValue, number >= 0 else { throw error("it is no whole number from 0 on") }
    return number
  }

  func text(_ key: String) throws(OverlayError) -> String { try member(key).text() }

  func integer(_ key: String) throws(OverlayError) -> Int { try member(key).integer() }

  /// `false` when there is no such member.
  func flag(_ key: String) throws(OverlayError) -> Bool {
    guard let member = self[key] else { return false }
    guard let flag = member.value.boolValue else { throw member.error("it is neither true nor false") }
    return flag
  }

  func list<Element>(
    _ key: String, _ element: (CheckedJSON) throws(OverlayError) -> Element
  ) throws(OverlayError) -> [Element] {
    let member = try member(key)
    guard let values = member.value.arrayValue else { throw member.error("it is no list") }
    var elements: [Element] = []
    elements.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
      elements.append(try element(CheckedJSON(value: value, place: "\(member.place)[\(index)]")))
    }
    return elements
  }

  /// Empty when there is no such member.
  func optionalList<Element>(
    _ key: String, _ element: (CheckedJSON) throws(OverlayError) -> Element
  ) throws(OverlayError) -> [Element] {
    self[key] == nil ? [] : try list(key, element)
  }

  /// A path in an overlay.
  func path(isHexadecimal: Bool) throws(OverlayError) -> OverlayPath {
    let text = try text()
    guard let bytes = isHexadecimal ? Hexadecimal.bytes(text) : Array(text.utf8) else {
      throw error("it is no hexadecimal text")
    }
    do throws(OverlayError) { return try OverlayPath(archiveName: bytes) } catch { throw self.error("\(error)") }
  }
}
