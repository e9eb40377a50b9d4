import JSONDocument

/// The definitions of a file: a task, a graph, or a list of them.
public struct DefinitionFile: Sendable {
  public private(set) var tasks: [JSONObject] = []
  /// Graphs as they were written.
  public private(set) var graphs: [JSON] = []
  public private(set) var mistakes: [WorkflowError] = []

  public init(_ json: JSON) {
    for (index, element) in (json.arrayValue ?? [json]).enumerated() {
      let place = json.arrayValue == nil ? "the document" : "[\(index)]"
      guard case .object(let object) = element else {
        mistakes.append(WorkflowError("\(place) is not an object"))
        continue
      }
      if object["implementsTask"] != nil || object["tasks"] == nil && object["injectableName"] != nil {
        add(task: object)
      } else if object["tasks"] != nil, object["injectableName"] != nil {
        graphs.append(element)
      } else if object["tasks"] != nil {
        mistakes.append(WorkflowError("\(place) is a task set, which names commands: it is no definition"))
      } else {
        mistakes.append(
          WorkflowError("\(place) is neither a task definition (implementsTask) nor a graph definition (tasks)"))
      }
    }
  }

  private mutating func add(task: JSONObject) {
    do throws(WorkflowError) {
      let definition = try TaskDefinition(task)
      try TaskDefinition.checkFields(of: task)
      guard BaseTask.named(definition.implementsTask) != nil else {
        throw WorkflowError(
          "Base task definition for \(definition.implementsTask) should exist (object) is required",
          definition: definition.injectableName)
      }
      tasks.append(task)
    } catch { mistakes.append(error) }
  }
}
