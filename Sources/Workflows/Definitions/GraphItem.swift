import JSONDocument

/// One task of a graph's `tasks`.
public struct GraphItem: Sendable, Hashable {
  /// Where its task definition comes from.
  public enum Source: Sendable, Hashable {
    /// A task of the library, by its `injectableName`.
    case named(String)
    /// A definition of its own, which does not enter the library.
    case inline(JSONObject)
  }

  /// Unique in the graph.
  public let label: String
  public let source: Source
  public let waitOn: WaitOn
  /// Its failure does not fail the graph.
  public let ignoreFailure: Bool
  /// Merged over the definition's options; only in files.
  public let optionOverrides: JSONObject

  private static let httpFields = ["label", "taskName", "taskDefinition", "waitOn", "ignoreFailure"]
  static let fileFields = httpFields + ["optionOverrides", "x-description"]
  private static let inlineFields = TaskDefinition.requiredFields + ["schemaRef"]

  /// - Parameter index: its place in the list, from 0; it makes the label of an item of a file that has none.
  /// - Throws: `WorkflowError` for a shape that a stock server refuses.
  init(_ json: JSON, index: Int, strictness: GraphDefinition.Strictness) throws(WorkflowError) {
    guard case .object(let item) = json else { throw WorkflowError("tasks[\(index)] is not an object") }
    let label = item["label"]?.stringValue
    let place = label ?? "tasks[\(index)]"
    if strictness == .http {
      guard label != nil else { throw WorkflowError("tasks[\(index)] should have required property 'label'") }
      if let other = item.members.first(where: { !Self.httpFields.contains($0.key) }) {
        throw WorkflowError("\(place) should NOT have additional properties: \(other.key)", label: label)
      }
    }
    self.label = label ?? "task \(index + 1)"
    switch (item["taskName"], item["taskDefinition"]) {
    case (.string(let name)?, nil):
      source = .named(String(name.split(separator: "/", omittingEmptySubsequences: false).last ?? ""))
    case (nil, .object(let definition)?):
      if strictness == .http, let other = definition.members.first(where: { !Self.inlineFields.contains($0.key) }) {
        throw WorkflowError(
          "the taskDefinition of \(place) should NOT have additional properties: \(other.key)", label: label)
      }
      source = .inline(definition)
    default:
      throw WorkflowError("\(place) needs either a taskName (string) or a taskDefinition (object)", label: label)
    }
    do {
      waitOn = try WaitOn(item["waitOn"])
    } catch { throw error.at(label: self.label) }
    switch item["ignoreFailure"] {
    case nil, .null: ignoreFailure = false
    case .bool(let value)?: ignoreFailure = value
    default: throw WorkflowError("ignoreFailure of \(place) should be boolean", label: label)
    }
    switch item["optionOverrides"] {
    case nil, .null: optionOverrides = JSONObject()
    case .object(let value)?: optionOverrides = value
    default: throw WorkflowError("optionOverrides of \(place) should be object", label: label)
    }
  }

  /// The name for messages: the task's `injectableName`.
  var taskName: String {
    switch source {
    case .named(let name): name
    case .inline(let definition): definition["injectableName"]?.stringValue ?? label
    }
  }
}
