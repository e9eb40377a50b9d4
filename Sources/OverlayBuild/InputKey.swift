import Digests

/// A digest of things with names, in the order in which they are added. No two different series of things have the same one.
struct InputKey: ~Copyable {
  private var digest = Digest(.sha256)

  mutating func add(_ name: String, _ value: String) { add(name, Array(value.utf8)) }

  mutating func add(_ name: String, _ value: [UInt8]) {
    for part in [Array(name.utf8), value] {
      for bytes in [Array("\(part.count):".utf8), part] { bytes.withUnsafeBytes { digest.update($0) } }
    }
  }

  /// In hexadecimal.
  consuming func finish() -> String { digest.finish() }
}
