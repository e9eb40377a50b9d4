import JSONDocument

/// A task definition: a base task with options of its own.
public struct TaskDefinition: Sendable, Hashable {
  /// Every field as it was written, unknown ones too.
  public let document: JSONObject
  public let friendlyName: String
  /// Its key in the library.
  public let injectableName: String
  /// The name of the base task.
  public let implementsTask: String
  /// Defaults of its options. Strings are templates.
  public let options: JSONObject
  /// What a node has once this task ran, for `requiredProperties` of later tasks.
  public let properties: JSONObject
  /// A JSON schema, or the name of one.
  public let optionsSchema: JSON?

  static let requiredFields = ["friendlyName", "injectableName", "implementsTask", "options", "properties"]

  /// The checks of a `PUT` of a task: the five required fields are there, of whatever type, and it is not too large.
  public static func checkFields(of document: JSONObject) throws(WorkflowError) {
    for field in requiredFields where document[field] == nil {
      throw WorkflowError("\(field) is required", definition: document["injectableName"]?.stringValue)
    }
    if let name = document["injectableName"]?.stringValue { try TypedFields.check(name: name) }
    guard JSON.object(document).valueCount <= GraphDefinition.mostValues else {
      throw WorkflowError(
        "the task has more than \(GraphDefinition.mostValues) values",
        definition: document["injectableName"]?.stringValue)
    }
  }

  /// - Throws: `WorkflowError` for a required field that is missing or of another type, as at a graph's `PUT`.
  public init(_ document: JSONObject) throws(WorkflowError) {
    self.document = document
    let fields = TypedFields(document)
    friendlyName = try fields.string("friendlyName")
    injectableName = try fields.string("injectableName")
    implementsTask = try fields.string("implementsTask")
    options = try fields.object("options")
    properties = try fields.object("properties")
    optionsSchema = document["optionsSchema"] == .null ? nil : document["optionsSchema"]
  }
}

/// Reads the required fields of a definition.
struct TypedFields {
  private let document: JSONObject
  private var name: String? { document["injectableName"]?.stringValue }

  init(_ document: JSONObject) { self.document = document }

  func string(_ field: String) throws(WorkflowError) -> String {
    guard let value = document[field]?.stringValue else {
      throw WorkflowError("\(field) (string) is required", definition: name)
    }
    return value
  }

  /// - Throws: `WorkflowError` for a name that no path of the API and no line of a log could show.
  static func check(name: String) throws(WorkflowError) {
    guard !name.isEmpty else { throw WorkflowError("injectableName is empty") }
    guard !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw WorkflowError("injectableName has a control character, such as the end of a line")
    }
  }

  func object(_ field: String) throws(WorkflowError) -> JSONObject {
    guard let value = document[field]?.objectValue else {
      throw WorkflowError("\(field) (object) is required", definition: name)
    }
    return value
  }
}
