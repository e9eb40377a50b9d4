import ArgumentParser
import MockMonorail
import MonorailStore
import Workflows

/// What the server keeps, and which workflows it has.
struct KeepingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep nodes, workflows, reports, catalogs and uploads in this directory; it is made (default: in memory).",
      valueName: "dir"), completion: .directory)
  var data: String?

  @Option(help: ArgumentHelp("With --data: remove what is older, once a day (default: keep all).", valueName: "days"))
  var keep: Int?

  @Option(
    help: ArgumentHelp(
      """
      Task and graph definitions, in JSON files at any depth; and task sets that a push can name, NAME.json in DIR \
      itself.
      """, valueName: "dir"), completion: .directory)
  var workflows: String?

  @Option(
    help: ArgumentHelp(
      "The graph that a node runs when it appears, or none (default: Graph.Discovery; none with --task-set).",
      valueName: "name"))
  var discovery: String?

  func validate() throws {
    if let keep {
      guard data != nil else { throw ValidationError("--keep needs --data: without it nothing outlives the server") }
      guard (1...100_000).contains(keep) else { throw ValidationError("--keep is 1 to 100000 days") }
    }
  }

  /// The state that the server starts with.
  func state() throws -> ServerState {
    var configuration = StoreConfiguration()
    configuration.directory = data
    configuration.definitions = try definitions()
    if data == nil {
      configuration.retainedReportBytes = 512 << 20
      configuration.retainedCatalogBytes = 256 << 20
      configuration.retainedSyslogLines = 2000
    }
    return try ServerState(configuration)
  }

  /// - Parameter hasTaskSets: nodes get task sets when they appear.
  /// - Returns: `nil` for none.
  func discoveryGraph(hasTaskSets: Bool, in library: DefinitionLibrary) throws -> String? {
    let name = discovery ?? (hasTaskSets ? "none" : "Graph.Discovery")
    guard name != "none" else { return nil }
    guard library.graphs[name] != nil else {
      throw ValidationError(
        "--discovery \(name): there is no graph of that name; --workflows names a directory of graphs")
    }
    return name
  }

  private func definitions() throws -> DefinitionLibrary {
    var library = ServerState.stockDefinitions
    guard let workflows else { return library }
    let files = WorkflowFiles(workflows)
    guard files.mistakes.isEmpty else {
      throw ValidationError(files.mistakes.joined(separator: "\n"))
    }
    for task in files.library.tasks.values { try library.add(task: task) }
    for graph in files.library.graphs.values { library.add(graph: graph) }
    return library
  }
}
