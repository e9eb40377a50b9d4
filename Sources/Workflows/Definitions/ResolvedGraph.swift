import JSONDocument

/// A task of a graph with its definition and base task found, and its options put together, not yet rendered.
public struct ResolvedTask: Sendable {
  public let item: GraphItem
  public let definition: TaskDefinition
  public let base: BaseTask
  public internal(set) var options = JSONObject()
  /// The schema of the task and that of its base task, those that there are.
  let schemas: [JSONSchema]
  /// The name of a stock schema that this server does not have: it is not checked.
  public let unknownSchema: String?

  public var label: String { item.label }

  /// The task's properties, those of its base over them.
  var properties: JSONObject { definition.properties.merged(with: base.properties) }

  /// Finds the base task. The options are not put together.
  ///
  /// - Parameter document: the task definition.
  init(_ item: GraphItem, _ document: JSONObject) throws(WorkflowError) {
    self.item = item
    definition = try TaskDefinition(document)
    guard let base = BaseTask.named(definition.implementsTask) else {
      throw WorkflowError(
        "Base task definition for \(definition.implementsTask) should exist (object) is required")
    }
    self.base = base
    let own = definition.optionsSchema?.objectValue.map { JSONSchema(.object($0)) }
    schemas = [own, base.schema].compactMap(\.self)
    unknownSchema = definition.optionsSchema?.stringValue
  }
}

/// A graph whose tasks are found in a library: what `PUT` of a graph checks, and the first half of what a run checks.
public struct ResolvedGraph: Sendable {
  public let definition: GraphDefinition
  /// The graph's options with the request's merged over them.
  public let options: JSONObject
  public internal(set) var tasks: [ResolvedTask] = []

  /// Finds everything that a graph names.
  ///
  /// - Parameter requestOptions: the options of a run's request.
  /// - Returns: the graph without the tasks that could not be found, and every mistake, the one that the stock server
  ///   would name first.
  public static func resolving(
    _ definition: GraphDefinition, requestOptions: JSONObject = JSONObject(), in library: DefinitionLibrary
  ) -> (ResolvedGraph, [WorkflowError]) {
    var graph = ResolvedGraph(definition: definition, options: definition.options.merged(with: requestOptions))
    var problems = labelProblems(definition)
    var copied = JSONSize(graph.options["defaults"] ?? .null) * definition.items.count
    guard JSON.object(graph.options).valueCount <= GraphDefinition.mostValues, !copied.isTooLarge else {
      let message = "the options have too many values for a graph of \(definition.items.count) tasks"
      return (graph, [WorkflowError(message, definition: definition.injectableName)])
    }
    for item in definition.items {
      do throws(WorkflowError) {
        let task = try graph.resolve(item, in: library)
        copied += JSONSize(.object(task.definition.document))
        guard !copied.isTooLarge else {
          let message = "the task definitions of the graph are too large together"
          problems.append(WorkflowError(message, label: item.label))
          break
        }
        graph.tasks.append(task)
      } catch { problems.append(error.at(label: item.label)) }
    }
    problems += graph.propertyProblems() + graph.requiredOptionProblems() + graph.waitProblems()
    if let problem = graph.cycle() { problems.append(problem) }
    return (graph, problems.map { $0.at(definition: definition.injectableName) })
  }

  /// - Throws: the first mistake.
  public init(
    _ definition: GraphDefinition, requestOptions: JSONObject = JSONObject(), in library: DefinitionLibrary
  ) throws(WorkflowError) {
    let (graph, problems) = Self.resolving(definition, requestOptions: requestOptions, in: library)
    if let problem = problems.first { throw problem }
    self = graph
  }

  private init(definition: GraphDefinition, options: JSONObject) {
    (self.definition, self.options) = (definition, options)
  }

  private func resolve(_ item: GraphItem, in library: DefinitionLibrary) throws(WorkflowError) -> ResolvedTask {
    let document: JSONObject
    switch item.source {
    case .inline(let inline): document = inline
    case .named(let name):
      guard let task = library.tasks[name] else {
        throw WorkflowError("Could not find task definition with injectableName \(name)")
      }
      document = task
    }
    var task = try ResolvedTask(item, document)
    task.options = OptionPrecedence.options(
      own: task.definition.options.merged(with: item.optionOverrides), required: task.base.requiredOptions,
      defaults: self.options["defaults"]?.objectValue ?? JSONObject(),
      label: self.options[item.label]?.objectValue ?? JSONObject(),
      hasSchema: task.definition.optionsSchema != nil || task.base.schema != nil)
    return task
  }

  private static func labelProblems(_ definition: GraphDefinition) -> [WorkflowError] {
    var seen: Set<String> = []
    var problems: [WorkflowError] = []
    for item in definition.items {
      if item.label == "anyOf" {
        problems.append(WorkflowError("Label anyOf is reserved, please use another label.", label: item.label))
      }
      if !seen.insert(item.label).inserted {
        let message = "The task label '\(item.label)' is used more than once in the graph definition."
        problems.append(WorkflowError(message, label: item.label))
      }
    }
    return problems
  }

  /// The properties of the tasks that are listed before count, whatever the task waits for.
  private func propertyProblems() -> [WorkflowError] {
    var problems: [WorkflowError] = []
    var supplied = JSONObject()
    for task in tasks {
      for required in task.base.requiredProperties {
        var value: JSON? = .object(supplied)
        let parts = required.path.split(separator: ".").map(String.init)
        let missing = parts.first { part in
          value = value?[part]
          return value == nil
        }
        if let missing {
          let message = "expected property [\(missing)] to be supplied for task \(task.base.name) "
          problems.append(WorkflowError(message + "in graph \(definition.injectableName)", label: task.label))
        } else if value != required.value, let last = parts.last {
          let message =
            "expected property [\(last)] to equal \(required.value.interpolated) for task \(task.base.name) "
          problems.append(WorkflowError(message + "in graph \(definition.injectableName)", label: task.label))
        }
      }
      supplied = supplied.merged(with: task.properties)
    }
    return problems
  }

  private func requiredOptionProblems() -> [WorkflowError] {
    let defaults = options["defaults"]?.objectValue
    var problems: [WorkflowError] = []
    for task in tasks {
      let given = options[task.label]?.objectValue
      let own = task.definition.options.merged(with: task.item.optionOverrides)
      for name in task.base.requiredOptions {
        guard (given?[name] ?? own[name]?.ifTruthy ?? defaults?[name] ?? .null) == .null else { continue }
        let message =
          "required option \(name) for task \(task.definition.injectableName) in graph \(definition.injectableName)"
        problems.append(WorkflowError(message, label: task.label, option: name))
      }
    }
    return problems
  }

  private func waitProblems() -> [WorkflowError] {
    let labels = Set(definition.items.map(\.label))
    return definition.items.flatMap { item in
      item.waitOn.entries.filter { !labels.contains($0.label) }.map {
        WorkflowError("Task to wait on does not exist: \($0.label)", label: item.label)
      }
    }
  }

  /// Looks for a cycle, without recursion: a graph may be as deep as it has tasks.
  private func cycle() -> WorkflowError? {
    let index = Dictionary(tasks.enumerated().map { ($1.label, $0) }, uniquingKeysWith: { first, _ in first })
    let edges = tasks.map { $0.item.waitOn.entries.compactMap { index[$0.label] } }
    var state = [Int](repeating: 0, count: tasks.count)
    for start in tasks.indices where state[start] == 0 {
      var path = [(task: start, next: 0)]
      state[start] = 1
      while let (task, next) = path.last {
        guard next < edges[task].count else {
          state[task] = 2
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let other = edges[task][next]
        if state[other] == 1 {
          let names = [task, other].map { tasks[$0].definition.injectableName }
          return WorkflowError(
            "Detected a cyclic graph with tasks \(names[0]) and \(names[1])", label: tasks[task].label)
        }
        if state[other] == 0 {
          state[other] = 1
          path.append((other, 0))
        }
      }
    }
    return nil
  }
}
