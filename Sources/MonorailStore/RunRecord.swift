import GRDB
import JSONDocument
import Workflows

/// A run of a graph, as the database tells of it.
public struct RunRecord: Sendable {
  /// The stock server's `instanceId`.
  public let id: String
  public let number: Int
  /// `nil` for a graph without a node.
  public let node: String?
  /// The graph's `injectableName`.
  public let graph: String
  /// The graph's `friendlyName`.
  public let name: String
  public let status: GraphStatus
  /// The run that a task of started this one.
  public let parent: String?
  /// In milliseconds since 1970.
  public let startedAt: Int
  /// In milliseconds since 1970.
  public let endedAt: Int?
  /// In milliseconds since 1970.
  public let updatedAt: Int

  public var isActive: Bool { status == .running }

  init(_ row: Row) {
    (id, number, node, graph, name) = (row["id"], row["number"], row["node"], row["graph"], row["name"])
    status = GraphStatus(rawValue: row["status"]) ?? .failed
    (parent, startedAt, endedAt, updatedAt) = (row["parent"], row["startedAt"], row["endedAt"], row["updatedAt"])
  }
}

/// A task of a run that has started or ended.
public struct StepRecord: Sendable, Hashable {
  /// Its `instanceId`.
  public let task: String
  public let label: String
  /// The task's `injectableName`.
  public let name: String
  public let state: TaskState
  /// In milliseconds since 1970.
  public let startedAt: Int?
  /// In milliseconds since 1970.
  public let endedAt: Int?
  public let error: String?

  init(_ row: Row) {
    (task, label, name) = (row["task"], row["label"], row["name"])
    state = TaskState(rawValue: row["state"]) ?? .pending
    (startedAt, endedAt, error) = (row["startedAt"], row["endedAt"], row["error"])
  }
}

/// A graph that is to be run.
public struct StartRequest: Sendable {
  /// The graph's `injectableName`.
  public var graph: String
  /// The node's identifier; `nil` for a graph without a node.
  public var node: String?
  /// Merged over the graph's options.
  public var options: JSONObject
  /// Values that the graph's context begins with.
  public var context: JSONObject
  /// What templates can name of the server.
  public var scope: RenderScope

  public init(
    graph: String, node: String? = nil, options: JSONObject = JSONObject(), context: JSONObject = JSONObject(),
    scope: RenderScope
  ) {
    (self.graph, self.node, self.options) = (graph, node, options)
    (self.context, self.scope) = (context, scope)
  }
}
