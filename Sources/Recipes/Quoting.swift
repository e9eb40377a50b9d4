import Overlay

extension String {
  /// For messages: in quotes, not longer than about a line, and without what a terminal would obey.
  var quoted: String {
    let most = 100
    let bytes = Array(utf8.prefix(most + 1))
    guard bytes.count > most else { return "\"\(OverlayPath.printable(bytes))\"" }
    // A character is not cut in two.
    let end = bytes[..<most].lastIndex { $0 & 0xC0 != 0x80 } ?? most
    return "\"\(OverlayPath.printable(bytes[..<end]))…\""
  }
}
