import JSONDocument

/// A graph definition: tasks, what each waits for, and options.
public struct GraphDefinition: Sendable, Hashable {
  /// What is accepted. A stock server reads its files without the schema check that a `PUT` gets.
  public enum Strictness: Sendable {
    case http, file
  }

  /// Every field as it was written, unknown ones too.
  public let document: JSONObject
  public let friendlyName: String
  /// Its key in the library.
  public let injectableName: String
  /// `defaults` for all tasks, and an object for each label.
  public let options: JSONObject
  public let items: [GraphItem]

  /// How many tasks a graph may have.
  public static let mostTasks = 1000
  /// How many JSON values a definition, or the options of a request, may have.
  public static let mostValues = 20_000

  private static let httpFields = ["friendlyName", "injectableName", "options", "tasks"]

  /// - Throws: the first of `problems` of `reading`.
  public init(_ json: JSON, strictness: Strictness) throws(WorkflowError) {
    let (definition, problems) = Self.reading(json, strictness: strictness)
    guard let definition, problems.isEmpty else {
      throw problems.first ?? WorkflowError("not a graph definition")
    }
    self = definition
  }

  /// Reads a definition, and says everything that is wrong with its shape.
  ///
  /// - Returns: the definition, with the items that could be read; `nil` when it has no list of tasks.
  public static func reading(_ json: JSON, strictness: Strictness) -> (GraphDefinition?, [WorkflowError]) {
    guard case .object(let document) = json else { return (nil, [WorkflowError("a graph definition is an object")]) }
    var problems: [WorkflowError] = []
    let name = document["injectableName"]?.stringValue
    if json.valueCount > mostValues {
      return (nil, [WorkflowError("the graph has more than \(mostValues) values", definition: name)])
    }
    func attempt<Value>(_ standIn: Value, _ body: () throws(WorkflowError) -> Value) -> Value {
      do { return try body() } catch {
        problems.append(error.at(definition: name))
        return standIn
      }
    }
    let fields = TypedFields(document)
    let friendlyName = attempt("") { () throws(WorkflowError) in try fields.string("friendlyName") }
    let injectableName = attempt("") { () throws(WorkflowError) in try fields.string("injectableName") }
    if name != nil { attempt(()) { () throws(WorkflowError) in try TypedFields.check(name: injectableName) } }
    var options = JSONObject()
    if let given = document["options"], given != .null {
      options = attempt(options) { () throws(WorkflowError) in
        guard case .object(let object) = given else { throw WorkflowError("options (object) is required") }
        return object
      }
    }
    if strictness == .http, let other = document.members.first(where: { !httpFields.contains($0.key) }) {
      problems.append(WorkflowError("data should NOT have additional properties: \(other.key)", definition: name))
    }
    guard let list = document["tasks"]?.arrayValue else {
      return (nil, problems + [WorkflowError("tasks (array) is required", definition: name)])
    }
    guard list.count <= mostTasks else {
      let problem = "the graph has \(list.count) tasks; this server takes \(mostTasks) at most"
      return (nil, problems + [WorkflowError(problem, definition: name)])
    }
    var items: [GraphItem] = []
    for (index, element) in list.enumerated() {
      do throws(WorkflowError) {
        items.append(try GraphItem(element, index: index, strictness: strictness))
      } catch { problems.append(error.at(definition: name)) }
    }
    let definition = GraphDefinition(
      document: document, friendlyName: friendlyName, injectableName: injectableName, options: options, items: items)
    return (definition, problems)
  }

  private init(
    document: JSONObject, friendlyName: String, injectableName: String, options: JSONObject, items: [GraphItem]
  ) {
    (self.document, self.friendlyName, self.injectableName) = (document, friendlyName, injectableName)
    (self.options, self.items) = (options, items)
  }
}
