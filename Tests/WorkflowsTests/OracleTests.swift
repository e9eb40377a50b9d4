import JSONDocument
import Testing

@testable import Workflows

/// The state machine against an independent model.
@Suite struct OracleTests {
  @Test(arguments: 0..<20)
  func `random graphs end as the model says`(part: Int) throws {
    for seed in part * 100..<(part + 1) * 100 {
      let graph = RandomGraph(seed: seed)
      let model = Model(graph)
      let run = try Self.run(graph)
      let states = Dictionary(uniqueKeysWithValues: run.tasks.map { ($0.label, $0.state.rawValue) })
      #expect(states == model.states, "seed \(seed)")
      #expect(run.status.rawValue == model.status, "seed \(seed)")
      let starts = run.tasks.filter { $0.startTime != nil }.map { ($0.label, $0.startTime ?? 0) }
      #expect(Dictionary(uniqueKeysWithValues: starts) == model.starts, "seed \(seed)")
      #expect(!run.tasks.contains { $0.isRunning }, "seed \(seed)")
    }
  }

  @Test func `the random graphs have every case`() {
    let models = (0..<2000).map { Model(RandomGraph(seed: $0)) }
    for status in ["succeeded", "failed", "cancelled", "running"] {
      #expect(models.count { $0.status == status } > 20, "\(status)")
    }
    for state in ["succeeded", "failed", "timeout", "cancelled", "pending"] {
      #expect(models.count { $0.states.values.contains(state) } > 50, "\(state)")
    }
    let graphs = (0..<2000).map { RandomGraph(seed: $0) }
    #expect(graphs.count { $0.steps.contains { !$0.anyOf.isEmpty && !$0.all.isEmpty } } > 100)
    #expect(graphs.count { $0.steps.contains { $0.all.values.contains { $0.count > 1 } } } > 100)
    #expect(graphs.count { $0.steps.contains { $0.ignoresFailure } } > 100)
  }

  /// Runs a graph to its end, and sees at each step that no task starts too early, twice, or ends twice.
  private static func run(_ graph: RandomGraph) throws -> GraphRun {
    let plan = try plan(graph.definition, jobs: .scripted)
    let labels = Dictionary(uniqueKeysWithValues: plan.tasks.map { ($0.instanceId, $0.label) })
    var run = GraphRun(plan, jobs: .scripted)
    var started: Set<String> = []
    var ended: [String: String] = [:]
    var graphEnds = 0
    func look(_ effects: [WorkflowEffect]) throws {
      for effect in effects {
        switch effect {
        case .taskStarted(let id):
          let label = try #require(labels[id])
          #expect(started.insert(label).inserted, "\(label) starts twice")
          let step = try #require(graph.steps.first { $0.label == label })
          #expect(Set(step.all.keys).isSubset(of: Set(ended.keys)), "\(label) starts too early")
          #expect(step.anyOf.isEmpty || step.anyOf.keys.contains { ended[$0] != nil }, "\(label) starts too early")
        case .taskEnded(let id, let state):
          let label = try #require(labels[id])
          #expect(ended.updateValue(state.rawValue, forKey: label) == nil, "\(label) ends twice")
        case .graphEnded: graphEnds += 1
        default: Issue.record("not expected: \(effect)")
        }
      }
    }
    try look(run.handle(.started, at: 0))
    while let time = run.nextTime {
      if let cancelledAt = graph.cancelledAt, run.status == .running, cancelledAt < time {
        try look(run.handle(.cancelled, at: cancelledAt))
      } else {
        try look(run.handle(.timePassed, at: time))
      }
    }
    if let time = graph.cancelledAt, run.status == .running { try look(run.handle(.cancelled, at: time)) }
    #expect(graphEnds == (run.status == .running ? 0 : 1))
    return run
  }
}

/// The rules that surprise, one by one.
@Suite struct RuleTests {
  private static func run(_ tasks: [(String, ends: String, at: Int, JSON)]) throws -> GraphRun {
    let items = tasks.map { label, ends, time, waitOn in
      let options: JSON = ["duration": .integer(time), "ends": .string(ends)]
      return ["label": .string(label), "taskDefinition": .task(options: options), "waitOn": waitOn] as JSON
    }
    var run = GraphRun(try plan(.graph(items), jobs: .scripted), jobs: .scripted)
    _ = run.handle(.started, at: 0)
    while let time = run.nextTime { _ = run.handle(.timePassed, at: time) }
    return run
  }

  private static func states(_ run: GraphRun) -> [String] { run.tasks.map(\.state.rawValue) }

  @Test func `a graph hangs when all that waits has become impossible`() throws {
    let run = try Self.run([
      ("a", "failed", 1, [:]), ("b", "failed", 2, [:]), ("c", "succeeded", 1, ["a": "failed", "b": "succeeded"]),
      ("d", "succeeded", 1, ["a": "succeeded", "b": "failed"]),
    ])
    #expect(run.status == .running)
    #expect(Self.states(run) == ["failed", "failed", "pending", "pending"])
  }

  @Test func `the first good end makes the graph succeed, and the other branch runs on`() throws {
    let run = try Self.run([
      ("a", "succeeded", 1, [:]), ("b", "succeeded", 2, [:]), ("c", "failed", 3, ["b": "succeeded"]),
    ])
    #expect(run.status == .succeeded)
    #expect(Self.states(run) == ["succeeded", "succeeded", "failed"])
  }

  @Test func `a failure ends what runs and what waits`() throws {
    let run = try Self.run([
      ("a", "failed", 1, [:]), ("b", "succeeded", 2, [:]), ("c", "succeeded", 3, ["b": "succeeded"]),
    ])
    #expect(run.status == .failed)
    #expect(Self.states(run) == ["failed", "cancelled", "failed"])
    #expect(run.tasks.map(\.endTime) == [1, 1, 1])
  }

}
