import JSONDocument

/// What becomes of the output of one command of a catalog task.
public struct Catalog: Sendable, Hashable {
  public enum Content: Sendable, Hashable {
    /// The document that is stored: the parser took the output.
    case parsed(JSON)
    /// The parser did not take the output. It is kept as it is, as `{"data": "<output>"}`. (The stock server keeps
    /// nothing then.)
    case raw(JSON, reason: String)
    /// The output says that there is nothing to store: no RAID controller, a BMC without a LAN.
    case nothing(reason: String)
  }

  /// The name under which it is stored.
  public let source: String
  public let content: Content
  /// Addresses that the output tells.
  public let lookups: [Lookup]
  /// Whether the task of the stock server fails: it does for some tools when their output cannot be parsed.
  public let failsTask: Bool

  init(source: String, content: Content, lookups: [Lookup] = [], failsTask: Bool = false) {
    self.source = source
    self.content = content
    self.lookups = lookups
    self.failsTask = failsTask
  }

  /// The same under another name.
  public func named(_ source: String) -> Catalog {
    Catalog(source: source, content: content, lookups: lookups, failsTask: failsTask)
  }

  /// The document that is stored, parsed or raw; `nil` when nothing is stored.
  public var data: JSON? {
    switch content {
    case .parsed(let data), .raw(let data, _): data
    case .nothing: nil
    }
  }

  /// Why the output was not parsed, or why nothing is stored.
  public var reason: String? {
    switch content {
    case .parsed: nil
    case .raw(_, let reason), .nothing(let reason): reason
    }
  }
}

extension Catalog {
  /// How the server stores an output that is marked as a catalog, whatever its command was.
  public enum Format: String, Sendable {
    case json, raw
    /// The stock server takes the word and stores nothing.
    case xml
  }

  /// The catalog of a command that the task marks as one: the mark alone counts, and no tool's parser is used.
  ///
  /// - Parameters:
  ///   - source: the mark's name for it; `unknown` when there is none.
  ///   - format: `raw` when there is none.
  public static func marked(source: String?, format: Format?, output: String) -> Catalog {
    let source = source ?? "unknown"
    guard !output.isEmpty else { return raw(source: source, output: output, reason: "the output is empty") }
    switch format {
    case .raw, nil: return Catalog(source: source, content: .parsed(["data": .string(output)]))
    case .xml: return Catalog(source: source, content: .nothing(reason: "the server drops what has the format xml"))
    case .json: break
    }
    if let problem = CatalogLimits.problem(with: output) { return raw(source: source, output: output, reason: problem) }
    do {
      let document = try JSONOutput.parse(output)
      // The stock server's store does not take null for a catalog.
      guard document != .null else {
        return raw(source: source, output: output, reason: "null is no catalog", failsTask: true)
      }
      return Catalog(source: source, content: .parsed(StoredKeys.document(document)))
    } catch {
      return raw(source: source, output: output, reason: error.reason)
    }
  }

  static func raw(source: String, output: String, reason: String, failsTask: Bool = false) -> Catalog {
    Catalog(source: source, content: .raw(["data": .string(output)], reason: reason), failsTask: failsTask)
  }
}
