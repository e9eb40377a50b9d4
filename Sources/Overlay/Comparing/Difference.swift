/// One attribute in which two entries of the same name differ.
public struct Difference: Sendable, Hashable, CustomStringConvertible {
  public enum Attribute: String, Sendable, CaseIterable {
    case type, content, size, target, device, mode, owner, group, time, links
  }

  public let attribute: Attribute
  /// For people: a mode in octal, the first 12 digits of a digest, a size in bytes.
  public let old: String
  public let new: String

  init(_ attribute: Attribute, _ old: String, _ new: String) {
    (self.attribute, self.old, self.new) = (attribute, old, new)
  }

  /// `mode 0644 -> 0755`
  public var description: String { "\(attribute.rawValue) \(old) -> \(new)" }

  /// How two entries differ, except for their contents and their other names. Of entries of different types only the type
  /// counts, since their other attributes cannot be compared.
  static func between(_ old: Entry, _ new: Entry) -> [Difference] {
    var differences: [Difference] = []
    func compare(_ attribute: Attribute, _ value: (Entry) -> String) {
      let (before, after) = (value(old), value(new))
      if before != after { differences.append(Difference(attribute, before, after)) }
    }
    guard old.isComparable(with: new) else { return [Difference(.type, old.summary, new.summary)] }
    switch (old.kind, new.kind) {
    case (.file(let before), .file(let after)):
      if before != after { differences.append(Difference(.size, "\(before)", "\(after)")) }
    case (.symlink(let before), .symlink(let after)):
      if before != after {
        differences.append(Difference(.target, OverlayPath.printable(before), OverlayPath.printable(after)))
      }
    case (.characterDevice(let before), .characterDevice(let after)),
      (.blockDevice(let before), .blockDevice(let after)):
      if before != after { differences.append(Difference(.device, "\(before)", "\(after)")) }
    default: break
    }
    // A whiteout is a mark, not a file: its owner and mode have no effect.
    if !old.isWhiteout {
      compare(.mode) { $0.octalMode }
      compare(.owner) { "\($0.owner)" }
      compare(.group) { "\($0.group)" }
    }
    compare(.time) { $0.timeText }
    return differences
  }

  /// How the contents of two files differ, by their digests.
  static func ofContents(_ old: String, _ new: String) -> [Difference] {
    old == new ? [] : [Difference(.content, String(old.prefix(12)), String(new.prefix(12)))]
  }
}

extension Entry {
  /// Whether both are of one type. A whiteout is of another type than a character device.
  fileprivate func isComparable(with other: Entry) -> Bool {
    switch (kind, other.kind) {
    case (.file, .file), (.symlink, .symlink), (.blockDevice, .blockDevice): true
    case (.characterDevice, .characterDevice): isWhiteout == other.isWhiteout
    default: kind == other.kind
    }
  }
}
