/// A loader's cache for x86_64, as ldconfig writes it.
struct VerifyCache {
  /// Names of libraries, and where they are.
  var libraries: [(name: String, path: String)]
  var flags = 0x0303
  var capabilities = 0
  /// How often each entry stands in the newer form.
  var repeats = 1

  init(_ libraries: [(name: String, path: String)]) { self.libraries = libraries }

  /// In the newer form alone.
  var bytes: [UInt8] {
    var strings: [UInt8] = []
    var entries: [UInt8] = []
    let end = 48 + 24 * libraries.count * repeats
    for (name, path) in libraries {
      var entry = Self.word(flags) + Self.word(end + strings.count)
      strings += Array(name.utf8) + [0]
      entry += Self.word(end + strings.count) + Self.word(0) + Self.word(capabilities) + Self.word(0)
      strings += Array(path.utf8) + [0]
      for _ in 0..<repeats { entries += entry }
    }
    let sizes = Self.word(libraries.count * repeats) + Self.word(strings.count)
    return Array("glibc-ld.so.cache1.1".utf8) + sizes + [2, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + entries
      + strings
  }

  /// In the older form.
  ///
  /// - Parameter newer: what stands behind it, in the newer form.
  func oldBytes(newer: VerifyCache? = nil) -> [UInt8] {
    var strings: [UInt8] = []
    var result = Array("ld.so-1.7.0\0".utf8) + Self.word(libraries.count)
    if let newer {
      result += [UInt8](repeating: 0xFF, count: 12 * libraries.count)
      result += [UInt8](repeating: 0, count: -result.count & 7)
      return result + newer.bytes
    }
    for (name, path) in libraries {
      result += Self.word(flags) + Self.word(strings.count)
      strings += Array(name.utf8) + [0]
      result += Self.word(strings.count)
      strings += Array(path.utf8) + [0]
    }
    return result + strings
  }

  private static func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
}
