import JSONDocument

/// What can be said of a graph before it runs.
public struct GraphCheck: Sendable {
  /// Why a run would be refused, or could not work.
  public private(set) var mistakes: [WorkflowError] = []
  /// What is accepted, but was hardly meant so.
  public private(set) var remarks: [WorkflowError] = []
  /// The graph's tasks as a tree, each with what it does; empty when the graph has no list of tasks.
  public private(set) var text = ""

  private var followed = 0
  /// How many graphs that a graph runs are looked at.
  private static let mostFollowed = 100

  /// Checks a graph as at the `POST` of a run, and the graphs that it runs.
  ///
  /// - Parameters:
  ///   - json: the definition, as it stands in a file.
  ///   - library: what it may name.
  public init(_ json: JSON, _ request: RunRequest, library: DefinitionLibrary, jobs: JobKinds) {
    let (written, problems) = GraphDefinition.reading(json, strictness: .file)
    mistakes = problems
    guard let written, let graph = ReadableGraph(written) else { return }
    let definition = graph.definition
    remarks = Self.remarks(on: definition)
    for label in request.options.members.map(\.key) where !Self.isOption(label, of: definition) {
      mistakes.append(
        WorkflowError("no task has the label \(label), which an option names", definition: definition.injectableName))
    }
    text = add(graph, request, library, jobs, running: [])
  }

  /// - Parameter running: the graphs around this one.
  private mutating func add(
    _ graph: ReadableGraph, _ request: RunRequest, _ library: DefinitionLibrary, _ jobs: JobKinds, running: [String]
  ) -> String {
    let definition = graph.definition
    let (resolved, foundProblems) = ResolvedGraph.resolving(definition, requestOptions: request.options, in: library)
    let problems = graph.withoutFollowUps(foundProblems, of: resolved)
    mistakes += problems
    var next = 0
    let (plan, foundPlanProblems) = GraphPlan.planning(resolved, request, jobs: jobs) {
      next += 1
      return "ID\(next)"
    }
    let planProblems = graph.withoutFollowUps(foundPlanProblems)
    // A required option that is missing is said once.
    mistakes += planProblems.filter { problem in
      !problems.contains { $0.label == problem.label && $0.option != nil && $0.option == problem.option }
    }
    let cyclic = problems.contains { $0.message.hasPrefix("Detected a cyclic") }
    var tree = GraphTree(plan, isFlat: cyclic)
    for task in plan.tasks {
      if let unknown = task.resolved.unknownSchema {
        let message = "the schema \(unknown) is not known here, so the options are not checked against it"
        remarks.append(WorkflowError(message, definition: definition.injectableName, label: task.label))
      }
      // What a task does with other options than its own would mislead.
      guard !graph.unreadOptions.contains(task.label) else { continue }
      let hasProblem = (problems + planProblems).contains { $0.label == task.label }
      var lines = self.lines(for: task, of: plan, jobs, hasProblem: hasProblem)
      if task.resolved.base.runJob == "Job.Graph.Run" {
        lines += child(of: task, in: definition, request, library, jobs, running: running)
      }
      tree.lines[task.label] = lines
    }
    return tree.text
  }

  private mutating func lines(
    for task: GraphPlan.Task, of plan: GraphPlan, _ jobs: JobKinds, hasProblem: Bool
  ) -> [String] {
    guard let kind = jobs.kind(task.resolved.base.runJob) else { return ["(\(task.resolved.base.runJob) is not here)"] }
    let name = task.resolved.definition.injectableName
    do throws(WorkflowError) {
      let setting = JobSetting(
        taskName: name, taskId: task.instanceId, options: task.options, context: plan.context)
      return try kind.init(setting).plan
    } catch {
      if JSON.object(task.options).mentionsContext { return ["(what it does is known when it starts)"] }
      if !hasProblem { mistakes.append(error.at(definition: plan.definition.injectableName, label: task.label)) }
      return []
    }
  }

  private mutating func child(
    of task: GraphPlan.Task, in definition: GraphDefinition, _ request: RunRequest, _ library: DefinitionLibrary,
    _ jobs: JobKinds, running: [String]
  ) -> [String] {
    guard let name = task.options["graphName"]?.stringValue, !TemplateToken.hasTags(name) else { return [] }
    let around = running + [definition.injectableName]
    followed += 1
    guard followed <= Self.mostFollowed else {
      if followed == Self.mostFollowed + 1 {
        let message = "only \(Self.mostFollowed) graphs that this graph runs are looked at"
        remarks.append(WorkflowError(message, definition: definition.injectableName, label: task.label))
      }
      return []
    }
    guard !around.contains(name) else {
      let circle = (around + [name]).joined(separator: " > ")
      mistakes.append(
        WorkflowError(
          "the graph \(name) runs itself: \(circle)", definition: definition.injectableName, label: task.label))
      return []
    }
    let child: GraphDefinition
    do throws(WorkflowError) {
      child = try library.graph(name)
    } catch {
      mistakes.append(error.at(definition: definition.injectableName, label: task.label, option: "graphName"))
      return []
    }
    guard let graph = ReadableGraph(child) else { return [] }
    let options = task.options["graphOptions"]?.objectValue ?? JSONObject()
    let childRequest = RunRequest(
      options: options, target: options["target"]?.stringValue ?? options["defaults"]?["target"]?.stringValue,
      scope: request.scope)
    return add(graph, childRequest, library, jobs, running: around).split(separator: "\n").map(String.init)
  }

  private static func isOption(_ key: String, of definition: GraphDefinition) -> Bool {
    ["defaults", "instanceId", "target"].contains(key) || definition.items.contains { $0.label == key }
  }

  private static let graphFields = ["friendlyName", "injectableName", "options", "tasks", "x-description"]
  private static let inlineFields = TaskDefinition.requiredFields + ["schemaRef", "optionsSchema", "x-description"]

  /// - Parameter definition: has an item for each of the document's `tasks`.
  private static func remarks(on definition: GraphDefinition) -> [WorkflowError] {
    let name = definition.injectableName
    var remarks: [WorkflowError] = []
    func add(_ message: String, _ label: String? = nil) {
      remarks.append(WorkflowError(message, definition: name, label: label))
    }
    for key in definition.document.members.map(\.key) where !graphFields.contains(key) {
      add("the field \(key) of the graph has no effect, and a PUT of this graph is refused")
    }
    for key in definition.options.members.map(\.key) where !isOption(key, of: definition) {
      add("options.\(key) has no effect: no task has this label")
    }
    for (item, json) in zip(definition.items, definition.document["tasks"]?.arrayValue ?? []) {
      for key in json.objectValue?.members.map(\.key) ?? [] where !GraphItem.fileFields.contains(key) {
        add("the field \(key) has no effect, and a PUT of this graph is refused", item.label)
      }
      // A template can name any field of a task definition, so this one may have an effect.
      for key in json["taskDefinition"]?.objectValue?.members.map(\.key) ?? [] where !inlineFields.contains(key) {
        add("the field \(key) of its taskDefinition is not known, and a PUT of this graph is refused", item.label)
      }
      for entry in item.waitOn.entries {
        for word in entry.words
        where word != "finished" && entry.states.isDisjoint(with: TaskState(rawValue: word).map { [$0] } ?? []) {
          add("it waits for \(entry.label) to be \(word), which is no state that a task ends in", item.label)
        }
      }
    }
    return remarks
  }
}

extension JSON {
  fileprivate var mentionsContext: Bool {
    switch self {
    case .string(let text): TemplateToken.hasTags(text) && text.contains("context.")
    case .array(let elements): elements.contains(where: \.mentionsContext)
    case .object(let object): object.members.contains { $0.value.mentionsContext }
    default: false
    }
  }
}
