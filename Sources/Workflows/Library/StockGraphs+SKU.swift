extension StockGraphs {
  /// Graphs that find a node's SKU and tags, after a discovery or alone. Enclosures and pollers are not made: their labels
  /// are there for requests that name them.
  static let sku = """
    [
      \(discoverySKU("Graph.SKU.Discovery", runs: "Graph.rancherDiscovery")),
      \(discoverySKU("Graph.SKU.Orig.Discovery", runs: "Graph.Discovery")),
      \(refresh("Graph.Refresh.Immediate.Discovery", resets: true)),
      \(refresh("Graph.Refresh.Delayed.Discovery", resets: false)),
      { "injectableName": "Graph.GenerateSku", "friendlyName": "Find the SKU of a node", "options": {}, "tasks": [
        { "label": "generate-sku", "taskName": "Task.Catalog.GenerateSku" } ] },
      { "injectableName": "Graph.GenerateTags", "friendlyName": "Give nodes their tags",
        "options": { "generate-tag": { "nodeIds": null } },
        "tasks": [ { "label": "generate-tag", "taskName": "Task.Catalog.GenerateTag" } ] }
    ]
    """

  /// A task that runs a graph with the options `graphOptions`.
  static func run(_ label: String, _ graph: String, waitOn: String = "{}") -> String {
    """
    { "label": "\(label)", "waitOn": \(waitOn), "taskDefinition": {
      "injectableName": "Task.Graph.Run.\(graph)", "friendlyName": "Run \(graph)",
      "implementsTask": "Task.Base.Graph.Run", "options": { "graphName": "\(graph)", "graphOptions": {} },
      "properties": {} } }
    """
  }

  private static func discoverySKU(_ name: String, runs child: String) -> String {
    """
    { "injectableName": "\(name)", "friendlyName": "Discover a node, its SKU and its tags",
      "options": {
        "defaults": { "nodeId": null, "graphOptions": { "target": null } },
        "generate-tag": { "nodeIds": [ "{{ options.nodeId }}" ] },
        "obm-option": { "autoCreateObm": "false", "when": "{{ options.autoCreateObm }}" },
        "skip-pollers": { "skipPollersCreation": "false", "when": "{{ options.skipPollersCreation }}" }
      },
      "tasks": [
        \(run("discovery-graph", child)),
        { "label": "obm-option", "taskName": "Task.Evaluate.Condition", "waitOn": { "discovery-graph": "finished" },
          "ignoreFailure": true },
        \(run("set-bmc-credentials-graph", "Graph.Set.Bmc.Credentials", waitOn: #"{ "obm-option": "succeeded" }"#)),
        { "label": "noop", "taskName": "Task.noop", "waitOn": { "obm-option": "failed" } },
        { "label": "generate-sku", "taskName": "Task.Catalog.GenerateSku",
          "waitOn": { "discovery-graph": "succeeded" } },
        { "label": "run-sku-graph", "taskName": "Task.Graph.Run.SKU", "waitOn": { "generate-sku": "succeeded" } },
        { "label": "generate-tag", "taskName": "Task.Catalog.GenerateTag",
          "waitOn": { "discovery-graph": "succeeded" } },
        { "label": "generate-enclosure", "taskName": "Task.noop", "waitOn": { "discovery-graph": "succeeded" },
          "ignoreFailure": true },
        { "label": "skip-pollers", "taskName": "Task.Evaluate.Condition",
          "waitOn": { "generate-enclosure": "finished" }, "ignoreFailure": true },
        { "label": "create-default-pollers", "taskName": "Task.noop", "waitOn": { "skip-pollers": "failed" } }
      ] }
    """
  }

  private static func refresh(_ name: String, resets: Bool) -> String {
    let reset = #"{ "label": "reset-at-start", "taskName": "Task.Obm.Node.Reboot" },"#
    let wait = resets ? #"{ "reset-at-start": "succeeded" }"# : "{}"
    return """
      { "injectableName": "\(name)", "friendlyName": "Discover a node again",
        "options": { "discovery-refresh-graph": { "graphOptions": { "target": null } } },
        "tasks": [
          \(resets ? reset : "")
          \(run("discovery-refresh-graph", "Graph.Discovery", waitOn: wait)),
          { "label": "generate-sku", "taskName": "Task.Catalog.GenerateSku",
            "waitOn": { "discovery-refresh-graph": "succeeded" } },
          { "label": "generate-enclosure", "taskName": "Task.noop",
            "waitOn": { "discovery-refresh-graph": "succeeded" }, "ignoreFailure": true },
          { "label": "create-default-pollers", "taskName": "Task.noop",
            "waitOn": { "discovery-refresh-graph": "succeeded" } }
        ] }
      """
  }
}
