import JSONDocument

extension DefinitionLibrary {
  /// The definitions that come with this program. Their names, labels and options are those of the stock server, so that
  /// requests for a stock server work; the definitions themselves are our own.
  ///
  /// - Throws: `JSONParseError` or `WorkflowError` for a mistake in a text of this module.
  public static func stock() throws -> DefinitionLibrary {
    var library = DefinitionLibrary()
    for text in [StockTasks.common, StockTasks.catalogs, StockTasks.firmware, StockTasks.management] {
      for task in try JSON(parsing: text).arrayValue ?? [] { try library.add(task: task.objectValue ?? JSONObject()) }
    }
    for text in [
      StockGraphs.common, StockGraphs.discovery, StockGraphs.firmware, StockGraphs.sku, StockGraphs.management,
    ] {
      for graph in try JSON(parsing: text).arrayValue ?? [] {
        library.add(graph: try GraphDefinition(graph, strictness: .http))
      }
    }
    return library
  }
}

/// Texts of task definitions.
enum StockTasks {}

/// Texts of graph definitions.
enum StockGraphs {}
