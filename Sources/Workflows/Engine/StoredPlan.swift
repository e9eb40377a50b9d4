import JSONDocument

/// The form in which a server stores the plan of a run.
///
/// It has the definitions that the run began with, so that a later change of the library does not touch it. A task
/// definition stands in it once, however many tasks of the graph name it.
extension GraphPlan {
  /// The version of the form. A program refuses another one.
  private static let format = 1

  /// How deep the stored form may nest: definitions and catalogs have levels of their own inside it.
  public static let storedDepth = 256

  public var stored: JSON {
    var definitions = JSONObject()
    for task in tasks {
      if case .named(let name) = task.resolved.item.source, !definitions.has(name) {
        definitions.append(key: name, value: .object(task.resolved.definition.document))
      }
    }
    var document = JSONObject()
    document["format"] = .integer(Self.format)
    document["instanceId"] = .string(instanceId)
    document["depth"] = .integer(depth)
    document["graph"] = .object(definition.document)
    document["taskDefinitions"] = .object(definitions)
    document["context"] = .object(context)
    document["server"] = .object(scope.server)
    document["sku"] = scope.sku
    document["environment"] = scope.environment
    document["tasks"] = .array(
      tasks.map {
        ["label": .string($0.label), "instanceId": .string($0.instanceId), "options": .object($0.options)]
      })
    return .object(document)
  }

  /// - Throws: `WorkflowError` for a document that `stored` did not write, of another version, or with a base task that
  ///   this program does not have.
  public init(stored: JSON) throws(WorkflowError) {
    guard stored["format"]?.intValue == Self.format else {
      let format = stored["format"]?.text ?? "none"
      throw WorkflowError("a stored run has the format \(format), but this program reads \(Self.format)")
    }
    let fields = StoredFields(stored)
    let definition = try GraphDefinition(.object(try fields.object("graph")), strictness: .file)
    self.init(
      instanceId: try fields.string("instanceId"), definition: definition, context: try fields.object("context"),
      scope: RenderScope(
        server: try fields.object("server"), sku: stored["sku"], environment: try fields.value("environment")),
      depth: try fields.integer("depth"))
    let planned = try fields.array("tasks")
    guard planned.count == definition.items.count else {
      throw WorkflowError(
        "a stored run has \(planned.count) tasks, but its graph \(definition.items.count)",
        definition: definition.injectableName)
    }
    let definitions = try fields.object("taskDefinitions")
    let documents = Dictionary(definitions.members.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    for (item, task) in zip(definition.items, planned) {
      let fields = StoredFields(task)
      guard try fields.string("label") == item.label else {
        throw WorkflowError("a stored run names its tasks in another order than its graph", label: item.label)
      }
      var resolved: ResolvedTask
      do {
        resolved = try ResolvedTask(item, try Self.document(of: item, documents))
      } catch { throw error.at(definition: definition.injectableName, label: item.label) }
      resolved.options = try fields.object("options")
      tasks.append(
        Task(resolved: resolved, instanceId: try fields.string("instanceId"), options: resolved.options))
    }
  }

  private static func document(of item: GraphItem, _ definitions: [String: JSON]) throws(WorkflowError) -> JSONObject {
    switch item.source {
    case .inline(let document): return document
    case .named(let name):
      guard let document = definitions[name]?.objectValue else {
        throw WorkflowError("a stored run does not have the task definition \(name)")
      }
      return document
    }
  }
}

/// Reads the members of a stored document.
struct StoredFields {
  private let document: JSON

  init(_ document: JSON) { self.document = document }

  func value(_ name: String) throws(WorkflowError) -> JSON {
    try field(name, "value") { $0 }
  }

  func string(_ name: String) throws(WorkflowError) -> String { try field(name, "string", \.stringValue) }

  func integer(_ name: String) throws(WorkflowError) -> Int { try field(name, "integer", \.intValue) }

  func object(_ name: String) throws(WorkflowError) -> JSONObject { try field(name, "object", \.objectValue) }

  func array(_ name: String) throws(WorkflowError) -> [JSON] { try field(name, "array", \.arrayValue) }

  private func field<Value>(_ name: String, _ type: String, _ read: (JSON) -> Value?) throws(WorkflowError) -> Value {
    guard let value = document[name].flatMap(read) else {
      throw WorkflowError("a stored document has no \(name) (\(type))")
    }
    return value
  }
}
