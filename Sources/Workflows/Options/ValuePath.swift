import JSONDocument

/// A path into a JSON document: `options.list[1].x`.
enum ValuePath {
  /// The value at the path; `nil` when there is none.
  static func value(_ path: String, in root: JSON) -> JSON? {
    var value = root
    for part in parts(of: path) {
      switch value {
      case .object(let object):
        guard let next = object[part] else { return nil }
        value = next
      case .array(let elements):
        guard let index = Int(part), elements.indices.contains(index) else { return nil }
        value = elements[index]
      default: return nil
      }
    }
    return value
  }

  /// The keys and indexes. Brackets hold an index, or a key that may be quoted.
  static func parts(of path: String) -> [String] {
    var parts: [String] = []
    var part = ""
    var afterBracket = false
    var rest = path[...]
    while let character = rest.popFirst() {
      switch character {
      case ".":
        if !afterBracket { parts.append(part) }
        part = ""
        afterBracket = false
      case "[":
        guard let close = rest.firstIndex(of: "]") else { return parts + [part + "[" + rest] }
        if !afterBracket, !part.isEmpty { parts.append(part) }
        part = ""
        var key = rest[..<close]
        if let quote = key.first, quote == "'" || quote == "\"", key.last == quote, key.count > 1 {
          key = key.dropFirst().dropLast()
        }
        parts.append(String(key))
        rest = rest[rest.index(after: close)...]
        afterBracket = true
      default:
        part.append(character)
        afterBracket = false
      }
    }
    return afterBracket ? parts : parts + [part]
  }
}
