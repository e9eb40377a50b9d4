import JSONDocument
import TestSupport

/// A graph whose task sets write into a file of the node, and what a node has in the end if each set ran once.
///
/// The sets are one behind the other. Each has two commands that add a line; the second one's output becomes a catalog. The
/// first one waits at a gate, so that the test says how far the nodes get.
struct CountingGraph {
  static let sets = 1...10

  /// The graph to be started; a child if another graph runs it.
  let name: String
  /// The set that fails.
  var failing: Int?
  /// Whether the set behind it waits for its failure, so that the graph goes on.
  var goesOn = false
  /// Whether it is run by the task of a graph without a node.
  var isChild = false

  static let all = [
    CountingGraph(name: "Graph.Count"), CountingGraph(name: "Graph.Fail", failing: 8),
    CountingGraph(name: "Graph.Turn", failing: 8, goesOn: true), CountingGraph(name: "Graph.Child", isChild: true),
  ]

  /// The sets that a node gets.
  var handedOut: [Int] { Self.sets.filter { goesOn || $0 <= failing ?? $0 } }
  /// The sources of the catalogs that are stored: of a set that fails, none is.
  var catalogs: [Int] { handedOut.filter { $0 != failing } }
  var status: String { failing == nil || goesOn ? "succeeded" : "failed" }
  var lines: String { handedOut.map { "\($0)a\n\($0)b\n" }.joined() }

  /// The definitions, in a file of a workflows directory.
  ///
  /// - Parameters:
  ///   - directory: has a file for each node, with the lines.
  ///   - gates: the sets wait at these, the first set at one of the first.
  ///   - offset: added to the number of the gate, so that graphs do not all go on at once.
  func definitions(writingTo directory: String, gates: [Gate], offset: Int) -> JSON {
    let file = "\(directory)/{{ task.nodeId }}"
    let tasks = Self.sets.map { set -> JSON in
      let last = "echo \(set)b | tee -a \(file)" + (set == failing ? "; exit 3" : "")
      let gate = gates[min((set - 1) * gates.count / Self.sets.count + offset, gates.count - 1)]
      var task = JSONObject()
      task["label"] = .string("t\(set)")
      task["taskDefinition"] = [
        "friendlyName": "count", "injectableName": .string("Task.t\(set)"),
        "implementsTask": "Task.Base.Linux.Commands", "properties": [:],
        "options": [
          "commands": [
            .string("\(gate.waiting); echo \(set)a >>\(file)"),
            ["command": .string(last), "catalog": ["source": .string("t\(set)"), "format": "raw"]],
          ]
        ],
      ]
      if set > 1 {
        let state: JSON = set - 1 == failing && goesOn ? "failed" : "succeeded"
        task["waitOn"] = ["t\(set - 1)": state]
      }
      return .object(task)
    }
    var graphs: [JSON] = [
      ["friendlyName": .string(name), "injectableName": .string(name), "options": [:], "tasks": .array(tasks)]
    ]
    if isChild {
      graphs.append([
        "friendlyName": "outer", "injectableName": .string(name + ".Outer"), "options": [:],
        "tasks": [
          [
            "label": "child",
            "taskDefinition": [
              "friendlyName": "child", "injectableName": "Task.Child", "implementsTask": "Task.Base.Graph.Run",
              "properties": [:], "options": ["graphName": .string(name), "graphOptions": [:]],
            ],
          ]
        ],
      ])
    }
    return .array(graphs)
  }

  /// What starts it: a path of the API, and what is posted to it.
  func start(on node: String) -> (path: String, body: String) {
    guard isChild else { return ("nodes/\(node)/workflows", #"{"name": "\#(name)"}"#) }
    let body: JSON = [
      "name": .string(name + ".Outer"), "options": ["child": ["graphOptions": ["target": .string(node)]]],
    ]
    return ("workflows", body.text)
  }
}
