import Foundation

/// Bounds how many values a document holds before it is parsed: each one takes hundreds of bytes of memory, however short
/// it is in the text.
enum JSONValueCount {
  /// About 20,000 tasks with their results.
  static let maximum = 300_000

  /// - Parameter what: `the report`.
  /// - Throws: `APIError` 413.
  static func check(_ document: [UInt8], _ what: String) throws(APIError) {
    guard !exceeds(maximum, document) else {
      throw APIError(.contentTooLarge, "\(what) holds more than \(maximum) JSON values")
    }
  }

  /// Whether there are more commas and opening brackets outside of texts. Looks no further than that.
  ///
  /// The C library searches: an unoptimized build takes a second for 40 MB byte by byte.
  private static func exceeds(_ maximum: Int, _ document: [UInt8]) -> Bool {
    // The end of a C string.
    (document + [0]).withUnsafeBytes { bytes in
      guard var place = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else { return false }
      var count = 0
      while count <= maximum {
        place += strcspn(place, "\",[{")
        guard place.pointee != 0 else { return false }
        if place.pointee == CChar(bitPattern: UInt8(ascii: "\"")) {
          place = endOfText(place + 1)
        } else {
          count += 1
          place += 1
        }
      }
      return true
    }
  }

  /// Behind the quote that ends a text which begins here; at the end of the document when there is none.
  private static func endOfText(_ start: UnsafePointer<CChar>) -> UnsafePointer<CChar> {
    var place = start
    while true {
      place += strcspn(place, "\"\\")
      guard place.pointee == CChar(bitPattern: UInt8(ascii: "\\")) else { break }
      place += place[1] == 0 ? 1 : 2
    }
    return place.pointee == 0 ? place : place + 1
  }
}
