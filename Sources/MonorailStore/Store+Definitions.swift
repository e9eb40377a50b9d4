import GRDB
import JSONDocument
import Workflows

extension Store {
  /// The task and graph definitions as they are now.
  public var library: DefinitionLibrary { live.withLock { $0.library } }

  /// Those of the database. They were checked when they were stored.
  static func library(_ db: Database) throws -> DefinitionLibrary {
    var library = DefinitionLibrary()
    for row in try Row.fetchAll(db, sql: "SELECT kind, document FROM definitions") {
      let document = try (row["document"] as StoredBytes).object()
      if row["kind"] == "task" {
        try library.add(task: document)
      } else {
        library.add(graph: try GraphDefinition(.object(document), strictness: .file))
      }
    }
    return library
  }

  static func merged(_ library: DefinitionLibrary, with other: DefinitionLibrary) -> DefinitionLibrary {
    var library = library
    // Their fields were checked when they entered the other library.
    for task in other.tasks.values { try? library.add(task: task) }
    for graph in other.graphs.values { library.add(graph: graph) }
    return library
  }
}

extension StoreCommand where Result == String {
  /// Stores a task definition in place of the one of that name. Unknown fields are kept.
  ///
  /// - Returns: its `injectableName`.
  /// - Throws: `WorkflowError` when a required field is missing.
  public static func put(task document: JSONObject) -> StoreCommand<String> {
    StoreCommand { transaction in
      var library = transaction.library
      try library.add(task: document)
      let name = document["injectableName"]?.stringValue ?? ""
      try transaction.store(document, kind: "task", name: name, library)
      return name
    }
  }

  /// Stores a graph definition in place of the one of that name.
  ///
  /// - Returns: its `injectableName`.
  /// - Throws: `WorkflowError`, the first mistake that the check of a graph without a run finds.
  public static func put(graph definition: GraphDefinition) -> StoreCommand<String> {
    StoreCommand { transaction in
      var library = transaction.library
      _ = try ResolvedGraph(definition, in: library)
      library.add(graph: definition)
      try transaction.store(definition.document, kind: "graph", name: definition.injectableName, library)
      return definition.injectableName
    }
  }
}

extension StoreCommand where Result == Bool {
  /// Removes a task definition. One that the program brings along is there again after the next start.
  ///
  /// - Returns: whether there was one.
  public static func deleteTask(_ name: String) -> StoreCommand<Bool> {
    StoreCommand { try $0.delete(kind: "task", name) }
  }

  /// Removes a graph definition. Runs of it go on.
  ///
  /// - Returns: whether there was one.
  public static func deleteGraph(_ name: String) -> StoreCommand<Bool> {
    StoreCommand { try $0.delete(kind: "graph", name) }
  }
}

extension Transaction {
  fileprivate func store(_ document: JSONObject, kind: String, name: String, _ library: DefinitionLibrary) throws {
    try execute(
      "INSERT OR REPLACE INTO definitions (kind, name, document, updatedAt) VALUES (?, ?, ?, ?)",
      [kind, name, StoredBytes(.object(document)), now])
    changes.library = library
  }

  fileprivate func delete(kind: String, _ name: String) throws -> Bool {
    let before = library
    var after = DefinitionLibrary()
    for (other, task) in before.tasks where kind != "task" || other != name { try after.add(task: task) }
    for (other, graph) in before.graphs where kind != "graph" || other != name { after.add(graph: graph) }
    try execute("DELETE FROM definitions WHERE kind = ? AND name = ?", [kind, name])
    changes.library = after
    return after.tasks.count + after.graphs.count < before.tasks.count + before.graphs.count
  }
}
