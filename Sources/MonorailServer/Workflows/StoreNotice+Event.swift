import JSONDocument
import MonorailStore
import Workflows

extension ServerEvent {
  init(_ notice: StoreNotice) {
    if case .catalog(let source, let node, let isStored, let reason?) = notice {
      self = .notParsed(node: node, source: source, isStored: isStored, reason: reason)
    } else {
      self = .workflow(notice)
    }
  }
}

// What happens to runs, as events for programs and sentences for people.
extension StoreNotice {
  var name: String {
    switch self {
    case .runStarted: "workflow-started"
    case .taskStarted: "task-started"
    case .taskEnded: "task-ended"
    case .runEnded: "workflow-ended"
    case .catalog: "catalog"
    case .taskSetLost: "task-set-lost"
    case .published: "published"
    }
  }

  func addFields(to fields: inout JSONObject) {
    switch self {
    case .runStarted(let run, let graph, let node):
      fields["workflow"] = .string(run)
      fields["graph"] = .string(graph)
      fields["node"] = .init(node)
    case .taskStarted(let run, let label, let node):
      fields["workflow"] = .string(run)
      fields["task"] = .string(label)
      fields["node"] = .init(node)
    case .taskEnded(let run, let label, let node, let state, let error):
      fields["workflow"] = .string(run)
      fields["task"] = .string(label)
      fields["node"] = .init(node)
      fields["state"] = .string(state.rawValue)
      fields["error"] = .init(error)
    case .runEnded(let run, let graph, let node, let status):
      fields["workflow"] = .string(run)
      fields["graph"] = .string(graph)
      fields["node"] = .init(node)
      fields["status"] = .string(status.rawValue)
    case .catalog(let source, let node, _, let reason):
      fields["node"] = .string(node)
      fields["source"] = .string(source)
      fields["reason"] = .init(reason)
    case .taskSetLost(let node, let number):
      fields["node"] = .string(node)
      fields["id"] = .string(String(number))
    case .published(let event, let node):
      fields["name"] = .string(event)
      fields["node"] = .string(node)
    }
  }

  var sentence: String {
    func of(_ node: String?) -> String { node.map { "node \($0)" } ?? "a workflow without a node" }
    return switch self {
    case .runStarted(let run, let graph, let node): "\(of(node)) runs \(graph) (\(run))"
    case .taskStarted(_, let label, let node): "\(of(node)): task \(label) starts"
    case .taskEnded(_, let label, let node, let state, let error):
      "\(of(node)): task \(label) has ended: \(state.rawValue)" + (error.map { ", \($0)" } ?? "")
    case .runEnded(_, let graph, let node, let status): "\(of(node)): \(graph) has ended: \(status.rawValue)"
    case .catalog(let source, let node, _, _): "node \(node): catalog \(source)"
    case .taskSetLost(let node, let number):
      "node \(node) has lost task set \(number), which is not given again: it may have begun it"
    case .published(let event, let node): "node \(node): \(event)"
    }
  }
}
