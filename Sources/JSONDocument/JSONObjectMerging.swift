extension JSONObject {
  /// Below this many comparisons of names, looking through the members is faster than a table.
  private static let fewComparisons = 256

  /// This object with the members of another one set in it, new ones at the end. The time grows with the number of
  /// members, not with its square.
  ///
  /// - Parameter combine: the value for a name that both objects have, of this one's value and the other's.
  public func setting(_ other: JSONObject, combine: (JSON, JSON) -> JSON = { $1 }) -> JSONObject {
    var result = self
    if (members.count + other.members.count) * other.members.count <= Self.fewComparisons {
      for member in other.members {
        result[member.key] = result[member.key].map { combine($0, member.value) } ?? member.value
      }
      return result
    }
    var values = Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    var added: [String] = []
    for member in other.members {
      if let value = values[member.key] {
        values[member.key] = combine(value, member.value)
      } else {
        values[member.key] = member.value
        added.append(member.key)
      }
    }
    result = JSONObject()
    for key in members.map(\.key) + added {
      if let value = values[key] { result.append(key: key, value: value) }
    }
    return result
  }

  /// The object with the same names, and other values.
  public func mapValues<Failure>(_ transform: (Member) throws(Failure) -> JSON) throws(Failure) -> JSONObject {
    var result = JSONObject()
    for member in members { result.append(key: member.key, value: try transform(member)) }
    return result
  }

  /// The object with those members that are to be kept.
  public func filtered(_ isKept: (Member) -> Bool) -> JSONObject {
    var result = JSONObject()
    for member in members where isKept(member) { result.append(key: member.key, value: member.value) }
    return result
  }
}
