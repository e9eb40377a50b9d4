import JSONDocument

@testable import Workflows

/// A job that ends as its options say: after `duration` milliseconds in the state `ends`.
struct ScriptedJob: Job {
  private let options: JSONObject
  private let context: JSONObject
  var plan: [String] { [] }

  init(_ setting: JobSetting) { (options, context) = (setting.options, setting.context) }

  mutating func start(at now: Int) -> [JobAction] {
    let duration = options["duration"]?.intValue ?? 0
    return duration == 0 ? [.finish(outcome)] : [.wake(at: now + duration)]
  }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] { event == .timePassed ? [.finish(outcome)] : [] }

  private var outcome: TaskOutcome {
    let state = options["ends"]?.stringValue.flatMap(TaskState.init) ?? .succeeded
    return TaskOutcome(state: state, error: nil, context: options["puts"]?.objectValue ?? JSONObject())
  }
}

extension JobKinds {
  static let scripted = JobKinds(["Job.noop": ScriptedJob.self])
}

extension JSON {
  /// A task definition; `schema` makes its options those of a task with a schema.
  static func task(
    _ name: String = "Task.test", base: String = "noop", options: JSON = [:], properties: JSON = [:],
    schema: JSON? = nil
  ) -> JSON {
    var task: JSONObject = JSONObject()
    task["friendlyName"] = .string(name)
    task["injectableName"] = .string(name)
    task["implementsTask"] = .string("Task.Base.\(base)")
    task["options"] = options
    task["properties"] = properties
    task["optionsSchema"] = schema
    return .object(task)
  }

  static func graph(_ tasks: [JSON], options: JSON = [:]) -> JSON {
    ["friendlyName": "Test", "injectableName": "Graph.Test", "options": options, "tasks": .array(tasks)]
  }

  var object: JSONObject { objectValue ?? JSONObject() }
}

extension RenderScope {
  static let test = RenderScope(server: (["apiServerAddress": "10.1.1.1", "apiServerPort": 9080] as JSON).object)
}

/// Identifiers that count: `id0`, `id1`, …
func counting() -> () -> String {
  var next = 0
  return {
    defer { next += 1 }
    return "id\(next)"
  }
}

/// What is wrong with a graph, as at the `POST` of a run; empty when it could run.
func problems(
  _ graph: JSON, request: RunRequest = RunRequest(scope: .test), library: DefinitionLibrary = DefinitionLibrary(),
  strictness: GraphDefinition.Strictness = .file, jobs: JobKinds? = nil
) -> [WorkflowError] {
  let (definition, shape) = GraphDefinition.reading(graph, strictness: strictness)
  guard shape.isEmpty, let definition else { return shape }
  let (resolved, problems) = ResolvedGraph.resolving(definition, requestOptions: request.options, in: library)
  guard problems.isEmpty, let jobs else { return problems }
  return GraphPlan.planning(resolved, request, jobs: jobs, identifier: counting()).1
}

func plan(
  _ graph: JSON, request: RunRequest = RunRequest(scope: .test), library: DefinitionLibrary = DefinitionLibrary(),
  jobs: JobKinds
) throws -> GraphPlan {
  let definition = try GraphDefinition(graph, strictness: .file)
  let resolved = try ResolvedGraph(definition, requestOptions: request.options, in: library)
  return try GraphPlan(resolved, request, jobs: jobs, identifier: counting())
}
