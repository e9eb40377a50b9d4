import JSONDocument
import Workflows

/// A run that still wants events, in memory beside the database.
struct LiveRun: Sendable {
  var run: GraphRun
  let number: Int
  let node: String?
  /// The task of another run that started this one.
  let parent: (run: String, task: String)?
  /// How many events are stored.
  var events = 0

  var isActive: Bool { run.status == .running }
  /// A task of it waits for a request of the node, or for a notification.
  var isListening: Bool {
    run.tasks.contains { $0.isRunning && $0.plan.resolved.base.runJob.hasPrefix("Job.Wait.") }
  }
  /// It has ended, and no task of it runs on.
  var isOver: Bool { !isActive && !run.tasks.contains(where: \.isRunning) }
}

/// What the server needs at each request, in memory: what is here is in the database, too. Only committed transactions
/// change it.
struct LiveState: Sendable {
  var nodes: [String: NodeRecord] = [:]
  /// The node of each MAC address.
  var addresses: [String: String] = [:]
  var runs: [String: LiveRun] = [:]
  /// When each run wants `timePassed`.
  var times: [String: Int] = [:]
  var library = DefinitionLibrary()
  /// Runs in which a task waits for a request of the node, or for a notification.
  var listening: Set<String> = []
  /// What the server is to do, and has not taken yet.
  var actions: [ServerAction] = []

  mutating func apply(_ changes: LiveChanges) {
    for (id, node) in changes.nodes { nodes[id] = node }
    for (address, node) in changes.addresses { addresses[address] = node }
    for (id, run) in changes.runs {
      runs[id] = run
      times[id] = run?.run.nextTime
      if run?.isListening == true { listening.insert(id) } else { listening.remove(id) }
    }
    if let library = changes.library { self.library = library }
    actions += changes.actions
  }
}

/// What a transaction changes in the live state, should it be committed. A value that is `nil` is removed.
struct LiveChanges: Sendable {
  var nodes: [String: NodeRecord?] = [:]
  var addresses: [String: String?] = [:]
  var runs: [String: LiveRun?] = [:]
  var library: DefinitionLibrary?
  var actions: [ServerAction] = []
  /// What happened, in order.
  var notices: [StoreNotice] = []
  /// Nodes of which something changed that is not in memory: reports, catalogs, lines of syslog.
  var touchedNodes: Set<String> = []
}

/// Something that the server must do outside of the store, for a task of a run. `StoreCommand.performed` answers it.
public struct ServerAction: Sendable, Hashable {
  public let run: String
  /// The task's `instanceId`.
  public let task: String
  public let request: ServerRequest
}

/// Something that has happened in the store. It is told after it was committed.
public enum StoreNotice: Sendable {
  case runStarted(run: String, graph: String, node: String?)
  case taskStarted(run: String, label: String, node: String?)
  case taskEnded(run: String, label: String, node: String?, TaskState, error: String?)
  case runEnded(run: String, graph: String, node: String?, GraphStatus)
  /// The output of a command of a run has come.
  ///
  /// - reason: why nothing is stored, or why the output is kept as it is; `nil` when it was parsed.
  case catalog(source: String, node: String, isStored: Bool, reason: String?)
  /// A task set that is not given again, since the node may have begun it.
  case taskSetLost(node: String, number: Int)
  /// A task published an event of that name about a node.
  case published(event: String, node: String)
}
