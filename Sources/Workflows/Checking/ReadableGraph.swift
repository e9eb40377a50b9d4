import JSONDocument

/// A graph in which every task can be read: a field of a wrong shape is left out of its task, and the label stays.
///
/// The mistake in the shape has been told already. Without its label, every place that names the task would be told as
/// a mistake, too.
struct ReadableGraph {
  /// Has an item for each of the document's `tasks`, in the same order.
  let definition: GraphDefinition
  /// Labels of tasks that stand for one whose task definition is not known.
  let unreadTasks: Set<String>
  /// Labels of tasks whose options are not known, those of `unreadTasks` among them.
  let unreadOptions: Set<String>

  /// What a task without a `taskName` and a `taskDefinition` is taken for.
  private static let standIn: JSON = [
    "friendlyName": "", "injectableName": "(its task cannot be read)", "implementsTask": "Task.Base.noop",
    "options": [:], "properties": [:],
  ]

  /// Is `nil` when the graph gets too large with what stands for its wrong tasks.
  ///
  /// - Parameter written: the graph with the items that could be read, and the whole document.
  init?(_ written: GraphDefinition) {
    var tasks: [JSON] = []
    var wrongFields: [Set<String>] = []
    for element in written.document["tasks"]?.arrayValue ?? [] {
      let (task, wrong) = Self.readable(element)
      tasks.append(task)
      wrongFields.append(wrong)
    }
    var document = written.document
    document["tasks"] = .array(tasks)
    guard let definition = GraphDefinition.reading(.object(document), strictness: .file).0 else { return nil }
    func labels(where isWrong: (Set<String>) -> Bool) -> Set<String> {
      Set(zip(definition.items, wrongFields).filter { isWrong($0.1) }.map(\.0.label))
    }
    // The options of a graph can be those of each task.
    let options = document["options"] ?? .null
    let hasOptions = options == .null || options.objectValue != nil
    self.definition = definition
    unreadTasks = labels { $0.contains("taskName") }
    unreadOptions = labels { !hasOptions || $0.contains("taskName") || $0.contains("optionOverrides") }
  }

  /// - Returns: the task without the fields that have a wrong shape, and their names; `taskName` is that of the
  ///   `taskDefinition`, too.
  private static func readable(_ json: JSON) -> (JSON, Set<String>) {
    guard !isReadable(json) else { return (json, []) }
    var task = json.objectValue ?? JSONObject()
    var wrong: Set<String> = []
    for field in ["waitOn", "ignoreFailure", "optionOverrides"] {
      var alone = JSONObject()
      alone["taskName"] = "any"
      alone[field] = task[field]
      guard !isReadable(.object(alone)) else { continue }
      task[field] = nil
      wrong.insert(field)
    }
    var source = JSONObject()
    source["taskName"] = task["taskName"]
    source["taskDefinition"] = task["taskDefinition"]
    if !isReadable(.object(source)) {
      task["taskName"] = nil
      task["taskDefinition"] = standIn
      wrong.insert("taskName")
    }
    return (.object(task), wrong)
  }

  private static func isReadable(_ task: JSON) -> Bool {
    (try? GraphItem(task, index: 0, strictness: .file)) != nil
  }

  /// The mistakes that are not there only because something could not be read.
  ///
  /// - Parameter problems: those of `ResolvedGraph.resolving` for `definition`.
  func withoutFollowUps(_ problems: [WorkflowError], of resolved: ResolvedGraph) -> [WorkflowError] {
    let known = Set(resolved.tasks.map(\.label)).subtracting(unreadTasks)
    // A task that is not known may supply the property.
    let afterUnknown = Set(definition.items.drop { known.contains($0.label) }.dropFirst().map(\.label))
    return problems.filter { problem in
      guard let label = problem.label else { return true }
      if problem.option != nil { return !unreadOptions.contains(label) }
      return !(problem.message.hasPrefix("expected property [") && afterUnknown.contains(label))
    }
  }

  /// - Parameter problems: those of `GraphPlan.planning`, which looks at options.
  func withoutFollowUps(_ problems: [WorkflowError]) -> [WorkflowError] {
    problems.filter { problem in
      guard let label = problem.label else { return true }
      return !unreadOptions.contains(label)
    }
  }
}
