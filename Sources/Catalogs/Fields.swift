import JSONDocument

/// Makes a JSON object member by member.
///
/// `JSONObject` looks for a member by going through all of them. That takes too long for the hundred thousand members
/// that a hostile output can have, so this keeps the place of each key.
struct Fields {
  private var members: [(key: String, value: JSON)] = []
  private var places: [String: Int] = [:]

  var isEmpty: Bool { members.isEmpty }

  /// Setting a member that is there keeps its place. Setting `nil` changes nothing: a value that is missing makes no
  /// member.
  subscript(_ key: String) -> JSON? {
    get { places[key].map { members[$0].value } }
    set {
      guard let newValue else { return }
      if let place = places[key] {
        members[place].value = newValue
      } else {
        places[key] = members.count
        members.append((key, newValue))
      }
    }
  }

  /// Sets a member to text.
  mutating func set(_ key: some StringProtocol, _ text: (some StringProtocol)?) {
    guard let text else { return }
    self[String(key)] = .string(String(text))
  }

  /// Sets a member that is not there yet.
  mutating func setDefault(_ key: some StringProtocol, _ value: JSON) {
    let key = String(key)
    if places[key] == nil { self[key] = value }
  }

  var json: JSON {
    var object = JSONObject()
    for (key, value) in members { object.append(key: key, value: value) }
    return .object(object)
  }
}
