/// What apt-get has printed in a workspace.
struct AptLog {
  let text: String

  init(_ text: String) { self.text = text }

  private var lines: [Substring] { text.split(separator: "\n").map { $0.prefix(1000) } }

  /// What it says is wrong, without its mark.
  var errorLines: [String] {
    lines.compactMap { line in
      for mark in ["E: ", "dpkg-deb: error: ", "dpkg: error "] where line.hasPrefix(mark) {
        return String(line.dropFirst(mark == "E: " ? 3 : 0))
      }
      return nil
    }
  }

  var errors: String { errorLines.isEmpty ? tail : errorLines.prefix(20).joined(separator: "\n") }

  /// What stands behind "The following packages have unmet dependencies:", a line each.
  var unmetDependencies: [String] {
    guard let start = lines.firstIndex(where: { $0.hasPrefix("The following packages have unmet dependencies") }) else {
      return []
    }
    return lines[(start + 1)...].prefix { $0.hasPrefix(" ") }.prefix(20).map {
      $0.split(separator: " ").joined(separator: " ")
    }
  }

  /// Whether there was no room for what it wrote.
  var wasFull: Bool { text.contains("No space left on device") }

  /// Its last lines.
  var tail: String { lines.suffix(20).joined(separator: "\n") }
}
