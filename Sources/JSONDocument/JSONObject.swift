/// The members of a JSON object, in the order in which they were written.
public struct JSONObject: Sendable, Hashable {
  public struct Member: Sendable, Hashable {
    public let key: String
    public var value: JSON
  }

  public private(set) var members: [Member] = []

  public init() {}

  /// The value of the first member of that name. Setting a value keeps the place of a member that is there, and adds a
  /// new member at the end. Setting `nil` removes the member.
  public subscript(_ key: String) -> JSON? {
    get { members.first { $0.key == key }?.value }
    set {
      let index = members.firstIndex { $0.key == key }
      switch (index, newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): members.remove(at: index)
      case (nil, let value?): members.append(Member(key: key, value: value))
      case (nil, nil): break
      }
    }
  }

  /// Adds a member at the end. The caller knows that no member of that name is there: it is not looked for.
  public mutating func append(key: String, value: JSON) { members.append(Member(key: key, value: value)) }
}
