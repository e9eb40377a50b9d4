import JSONDocument

/// What the stock server's database does to the keys of a catalog.
///
/// MongoDB took no dots and dollar signs in keys, so each of them becomes `_`, at any depth. Three side effects of the
/// stock code are kept, because people have written rules against its catalogs:
/// - For a key of the top level with a dot, the stock code replaces the key's first occurrence in the document's text. A
///   value that stands before the key and has the key in it is changed.
/// - An object with a member `length` that is a number becomes empty.
/// - Of two keys that become the same, the one that needed no change stays; else the later one.
enum StoredKeys {
  /// How many bytes are searched for keys with dots, all searches together. Thousands of such keys would take minutes.
  private static let searchLimit = 4 << 20

  static func document(_ document: JSON) -> JSON { stored(changingQuotes(of: document)) }

  private static func stored(_ value: JSON) -> JSON {
    switch value {
    case .array(let elements): return .array(elements.map(stored))
    case .object(let object):
      if case .number? = object["length"] { return [:] }
      var fields = Fields()
      var kept: Set<String> = []
      for member in object.members where !needsChange(member.key) { kept.insert(member.key) }
      for member in object.members {
        let key = changed(member.key)
        if key != member.key, kept.contains(key) { continue }
        fields[key] = stored(member.value)
      }
      return fields.json
    default: return value
    }
  }

  private static func needsChange(_ key: String) -> Bool {
    key.utf8.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "$") }
  }

  private static func changed(_ key: String) -> String {
    guard needsChange(key) else { return key }
    let bytes = key.utf8.map { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "$") ? UInt8(ascii: "_") : $0 }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func changingQuotes(of document: JSON) -> JSON {
    guard case .object(let object) = document else { return document }
    var values = object.members.map(\.value)
    var searched = 0
    search: for (index, member) in object.members.enumerated() where member.key.utf8.contains(UInt8(ascii: ".")) {
      for earlier in 0..<index {
        let key = object.members[earlier].key
        searched += key.utf8.count + 1
        guard searched < searchLimit else { break search }
        if key[...].has(member.key) { break }
        if replaceFirst(member.key, in: &values[earlier], searched: &searched) { break }
      }
    }
    var result = JSONObject()
    for (member, value) in zip(object.members, values) { result.append(key: member.key, value: value) }
    return .object(result)
  }

  /// Replaces the dots of the first occurrence of the key in the value's text.
  ///
  /// - Returns: whether the key was found, in a text or in a key.
  private static func replaceFirst(_ key: String, in value: inout JSON, searched: inout Int) -> Bool {
    switch value {
    case .string(let text):
      searched += text.utf8.count + 1
      guard let place = text[...].utf8.place(of: key.utf8) else { return false }
      let quoted = text[place].utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }
      value = .string(text[..<place.lowerBound] + String(decoding: quoted, as: UTF8.self) + text[place.upperBound...])
      return true
    case .array(var elements):
      for index in elements.indices where replaceFirst(key, in: &elements[index], searched: &searched) {
        searched += elements.count
        value = .array(elements)
        return true
      }
      return false
    case .object(let object):
      for member in object.members {
        searched += member.key.utf8.count
        if member.key[...].has(key) { return true }
        var changed = member.value
        if replaceFirst(key, in: &changed, searched: &searched) {
          searched += object.members.count
          var result = JSONObject()
          for other in object.members {
            result.append(key: other.key, value: other.key == member.key ? changed : other.value)
          }
          value = .object(result)
          return true
        }
      }
      return false
    default:
      searched += 1
      return false
    }
  }
}
