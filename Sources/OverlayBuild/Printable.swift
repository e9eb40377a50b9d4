import Overlay

extension StringProtocol {
  /// In one line of a terminal: a text that somebody else has chosen, without what a terminal would obey.
  var printable: String { OverlayPath.printable(utf8) }
}
