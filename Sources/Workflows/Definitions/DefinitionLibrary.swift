import JSONDocument

/// The task and graph definitions that a server knows, by their `injectableName`.
public struct DefinitionLibrary: Sendable {
  /// Task definitions as they were written. Only the presence of their fields has been checked.
  public private(set) var tasks: [String: JSONObject] = [:]
  public private(set) var graphs: [String: GraphDefinition] = [:]

  public init() {}

  /// Adds a task, in place of the one of that name.
  ///
  /// - Throws: `WorkflowError` when a required field is missing.
  public mutating func add(task document: JSONObject) throws(WorkflowError) {
    try TaskDefinition.checkFields(of: document)
    tasks[try TypedFields(document).string("injectableName")] = document
  }

  /// Adds a graph, in place of the one of that name.
  public mutating func add(graph: GraphDefinition) { graphs[graph.injectableName] = graph }

  /// - Throws: `WorkflowError` in the stock server's words.
  public func graph(_ name: String) throws(WorkflowError) -> GraphDefinition {
    guard let graph = graphs[name] else { throw WorkflowError("Graph definition not found for \(name)") }
    return graph
  }
}
