import JSONDocument

/// A kind of OBM service: its name, and which settings it needs.
struct ServiceKind: Sendable {
  enum ValueType: String, Sendable {
    case string, integer
    case strings = "array"
  }

  struct Property: Sendable {
    let name: String
    let type: ValueType
    let isRequired: Bool
  }

  let name: String
  let properties: [Property]

  static let noop = ServiceKind(name: "noop-obm-service", properties: [])
  static let ipmi = ServiceKind(
    name: "ipmi-obm-service",
    properties: [
      Property(name: "host", type: .string, isRequired: true), Property(name: "user", type: .string, isRequired: true),
      Property(name: "password", type: .string, isRequired: true),
      Property(name: "port", type: .integer, isRequired: false),
      Property(name: "cipherSuite", type: .integer, isRequired: false),
    ])
  static let command = ServiceKind(
    name: "command-obm-service",
    properties: [
      Property(name: "program", type: .string, isRequired: true),
      Property(name: "args", type: .strings, isRequired: false),
      Property(name: "timeout", type: .integer, isRequired: false),
    ])

  static let all = [command, ipmi, noop]

  /// - Throws: when there is no such service.
  static func named(_ name: String) throws(ManagementFailure) -> ServiceKind {
    if let kind = all.first(where: { $0.name == name }) { return kind }
    let names = all.map(\.name).joined(separator: ", ")
    throw ManagementFailure("there is no OBM service \(name); there are \(names)", isFinal: true)
  }

  /// - Throws: when the settings lack something that the service needs, or a value has another type.
  func check(_ config: JSONObject) throws(ManagementFailure) {
    for property in properties {
      let value = config[property.name] ?? .null
      if value == .null, !property.isRequired { continue }
      let fits =
        switch property.type {
        case .string: value.stringValue?.isEmpty == false
        case .integer: (value.intValue ?? 0) > 0
        case .strings: value.arrayValue?.allSatisfy { $0.stringValue != nil } ?? false
        }
      guard fits else {
        let expected = ["string": "a text", "integer": "a number above 0", "array": "a list of texts"]
        throw ManagementFailure(
          "\(name): config.\(property.name) must be \(expected[property.type.rawValue] ?? "there")", isFinal: true)
      }
    }
  }

  /// A JSON schema of the settings, for `GET obms/definitions`.
  var definition: JSON {
    var members = JSONObject()
    for property in properties { members[property.name] = ["type": .string(property.type.rawValue)] }
    return [
      "name": .string(name),
      "config": [
        "type": "object", "properties": .object(members),
        "required": .array(properties.filter(\.isRequired).map { .string($0.name) }),
      ],
    ]
  }
}
