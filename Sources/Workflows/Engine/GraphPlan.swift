import JSONDocument

/// What a run needs besides definitions.
public struct RunRequest: Sendable {
  /// Merged over the graph's options.
  public var options: JSONObject
  /// Values that the graph's context begins with.
  public var context: JSONObject
  /// The node's identifier; `nil` for a graph without a node.
  public var target: String?
  public var scope: RenderScope
  /// How many graphs are around this one: 0 for a graph that no other graph's task runs.
  public var depth: Int

  public init(
    options: JSONObject = JSONObject(), context: JSONObject = JSONObject(), target: String? = nil, scope: RenderScope,
    depth: Int = 0
  ) {
    (self.options, self.context, self.target) = (options, context, target)
    (self.scope, self.depth) = (scope, depth)
  }
}

/// A graph that can be run: resolved, with its options rendered as far as that is possible before it runs.
public struct GraphPlan: Sendable {
  public struct Task: Sendable {
    public let resolved: ResolvedTask
    public let instanceId: String
    /// Rendered; tags that name the context stay.
    public internal(set) var options: JSONObject
    public var label: String { resolved.label }
  }

  public let instanceId: String
  public let definition: GraphDefinition
  public let context: JSONObject
  public let scope: RenderScope
  /// How many graphs are around this one. The server gives one more to a graph that a task of this one runs.
  public let depth: Int
  public internal(set) var tasks: [Task] = []

  /// How many graphs may be around a graph.
  public static let mostDepth = 16
  /// How many runs the tasks of one run may start, with those that the tasks of these start.
  public static let mostDescendants = 1000
  /// How many tasks all the graphs may have together that tasks start at one event.
  public static let mostTasksAtOnce = 20_000

  /// Makes the plan of a run, with all the checks of the `POST` of a run.
  ///
  /// - Parameters:
  ///   - graph: resolved with the request's options.
  ///   - jobs: those that the server has. A task whose job is not among them refuses the run.
  ///   - identifier: gives a new identifier at each call, the run's first, then one for each task.
  /// - Returns: the plan, in which a task's options are not rendered where that failed, and every mistake.
  public static func planning(
    _ graph: ResolvedGraph, _ request: RunRequest, jobs: JobKinds, identifier: () -> String
  ) -> (GraphPlan, [WorkflowError]) {
    let name = graph.definition.injectableName
    let id = graph.options["instanceId"]?.stringValue ?? identifier()
    var context = request.context
    if let target = request.target { context["target"] = .string(target) }
    context["graphId"] = .string(id)
    context["graphName"] = .string(name)
    var plan = GraphPlan(
      instanceId: id, definition: graph.definition, context: context, scope: request.scope, depth: request.depth)
    var problems: [WorkflowError] = []
    if request.depth > mostDepth {
      problems.append(WorkflowError("more than \(mostDepth) graphs run one inside the other"))
    }
    var budget = RenderBudget()
    for task in graph.tasks {
      let instanceId = identifier()
      var planned = Task(resolved: task, instanceId: instanceId, options: task.options)
      if jobs.kind(task.base.runJob) == nil {
        let message = "task \(task.definition.injectableName) runs the job \(task.base.runJob), "
        problems.append(WorkflowError(message + "which this server does not have", label: task.label))
      }
      let renderer = plan.renderer(
        for: task, instanceId: instanceId, options: task.options, context: context, defers: true)
      planned.options = task.options.mapValues { member in
        guard !budget.isSpent else { return member.value }
        do throws(WorkflowError) {
          return try renderer.render(member.value, path: member.key, budget: &budget)
        } catch {
          problems.append(error.at(label: task.label))
          return member.value
        }
      }
      if JSON.object(planned.options).depth > DefinitionLimits.deepestOptions {
        let message = "the options nest deeper than \(DefinitionLimits.deepestOptions)"
        problems.append(WorkflowError(message, label: task.label))
      }
      for mistake in task.mistakes(in: planned.options, budget: &budget) where !mistake.value.namesContext {
        problems.append(task.error(mistake))
      }
      plan.tasks.append(planned)
    }
    return (plan, problems.map { $0.at(definition: name) })
  }

  /// - Throws: the first mistake.
  public init(
    _ graph: ResolvedGraph, _ request: RunRequest, jobs: JobKinds, identifier: () -> String
  ) throws(WorkflowError) {
    let (plan, problems) = Self.planning(graph, request, jobs: jobs, identifier: identifier)
    if let problem = problems.first { throw problem }
    self = plan
  }

  init(instanceId: String, definition: GraphDefinition, context: JSONObject, scope: RenderScope, depth: Int) {
    (self.instanceId, self.definition) = (instanceId, definition)
    (self.context, self.scope, self.depth) = (context, scope, depth)
  }

  /// Renders the options that the plan left, with the context as it is when the task starts.
  ///
  /// - Throws: `WorkflowError` with which the task fails.
  func finalOptions(of task: Task, context: JSONObject) throws(WorkflowError) -> JSONObject {
    let renderer = renderer(
      for: task.resolved, instanceId: task.instanceId, options: task.options, context: context, defers: false)
    var budget = RenderBudget()
    let options = try renderer.render(.object(task.options), budget: &budget).objectValue ?? task.options
    if let mistake = task.resolved.mistakes(in: options, budget: &budget).first { throw task.resolved.error(mistake) }
    return options
  }

  private func renderer(
    for task: ResolvedTask, instanceId: String, options: JSONObject, context: JSONObject, defers: Bool
  ) -> OptionRenderer {
    var facts = JSONObject()
    facts["nodeId"] = context["target"]
    facts["instanceId"] = .string(instanceId)
    facts["name"] = .string(task.definition.injectableName)
    facts["injectableName"] = .string(task.definition.injectableName)
    facts["friendlyName"] = .string(task.definition.friendlyName)
    facts["definition"] = .object(task.definition.document.merged(with: labelled(task.label)))
    return OptionRenderer(values: scope.values(context: context, options: options, task: facts), defersContext: defers)
  }

  private func labelled(_ label: String) -> JSONObject {
    var object = JSONObject()
    object["label"] = .string(label)
    return object
  }
}

extension ResolvedTask {
  fileprivate func mistakes(in options: JSONObject, budget: inout RenderBudget) -> [JSONSchema.Mistake] {
    var mistakes: [JSONSchema.Mistake] = []
    for schema in schemas { mistakes += schema.mistakes(in: .object(options), budget: &budget) }
    return mistakes
  }

  fileprivate func error(_ mistake: JSONSchema.Mistake) -> WorkflowError {
    WorkflowError(
      "\(definition.injectableName): JSON schema validation failed - \(mistake.text)", label: label,
      option: mistake.path.isEmpty ? nil : String(mistake.path.drop { $0 == "." }))
  }
}

extension JSON {
  /// Whether it is a text with a tag that names the context: what it will be is not known before the task starts.
  fileprivate var namesContext: Bool {
    guard case .string(let text) = self else { return false }
    return TemplateToken.tokens(of: text).contains {
      if case .tag(_, let name, _) = $0 { name.contains("context.") } else { false }
    }
  }
}
