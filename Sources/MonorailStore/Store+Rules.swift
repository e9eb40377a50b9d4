import GRDB
import JSONDocument
import Workflows

/// A SKU or a tag: rules about the catalogs of nodes.
public struct RuleSetRecord: Sendable, Hashable {
  public enum Kind: String, Sendable {
    case sku, tag
  }

  public let id: String
  public let kind: Kind
  public let name: String
  /// As it was posted, without `id`; unknown fields are kept.
  public let document: JSONObject

  fileprivate init(_ row: Row) throws {
    (id, name) = (row["id"], row["name"])
    kind = Kind(rawValue: row["kind"]) ?? .tag
    document = try (row["document"] as StoredBytes).object()
  }
}

extension Store {
  /// Every SKU or every tag, in the order in which they came.
  public func ruleSets(_ kind: RuleSetRecord.Kind) throws -> [RuleSetRecord] {
    try read { db in
      let sql = "SELECT * FROM ruleSets WHERE kind = ? ORDER BY number"
      return try Row.fetchAll(db, sql: sql, arguments: [kind.rawValue]).map { try RuleSetRecord($0) }
    }
  }
}

extension StoreCommand where Result == RuleSetRecord {
  /// Stores a SKU or a tag.
  ///
  /// - Parameter id: of the one to be replaced; `nil` adds one.
  /// - Throws: `WorkflowError` for rules that cannot be used; `StoreError` when another one has the name, or there is none
  ///   with that identifier.
  public static func save(
    _ kind: RuleSetRecord.Kind, _ document: JSONObject, id: String? = nil
  ) -> StoreCommand<RuleSetRecord> {
    StoreCommand { try $0.save(kind, document, id) }
  }
}

extension StoreCommand where Result == Bool {
  /// Forgets a SKU or a tag. Nodes that have a tag keep it, and a node whose SKU it was has none.
  ///
  /// - Returns: whether there was one.
  public static func delete(_ kind: RuleSetRecord.Kind, id: String) -> StoreCommand<Bool> {
    StoreCommand { transaction in
      try transaction.execute("DELETE FROM ruleSets WHERE kind = ? AND id = ?", [kind.rawValue, id])
      guard transaction.db.changesCount > 0 else { return false }
      if kind == .sku {
        let nodes = transaction.store.nodes.filter { $0.document[NodeRecord.skuField]?.stringValue == id }
        for node in nodes { try transaction.update(node.id) { $0.document[NodeRecord.skuField] = .null } }
      }
      return true
    }
  }
}

extension NodeRecord {
  static let skuField = "sku"
  static let tagsField = "tags"

  /// The identifier of its SKU.
  public var sku: String? { document[Self.skuField]?.stringValue }
  /// The names of its tags.
  public var tags: [String] { document[Self.tagsField]?.arrayValue?.compactMap(\.stringValue) ?? [] }
}

extension Transaction {
  fileprivate func save(
    _ kind: RuleSetRecord.Kind, _ document: JSONObject, _ id: String?
  ) throws -> RuleSetRecord {
    guard let name = document["name"]?.stringValue else { throw StoreError(.refused, "name (string) is required") }
    let rules = document["rules"] ?? .null
    switch kind {
    case .sku: _ = try SKURules(rules)
    case .tag: _ = try TagRules(rules)
    }
    let other: String? = try row(
      "SELECT id FROM ruleSets WHERE kind = ? AND name = ? AND id IS NOT ?", [kind.rawValue, name, id])?["id"]
    guard other == nil else {
      throw StoreError(.conflict, kind == .sku ? "duplicate name found" : "tag name already exists")
    }
    var stored = document
    stored["id"] = nil
    if let id {
      try execute(
        "UPDATE ruleSets SET name = ?, document = ? WHERE kind = ? AND id = ?",
        [name, StoredBytes(.object(stored)), kind.rawValue, id])
      guard db.changesCount > 0 else { throw StoreError(.notFound, "there is no \(kind.rawValue) \(id)") }
    } else {
      try execute(
        "INSERT INTO ruleSets (id, kind, name, document) VALUES (?, ?, ?, ?)",
        [Identifier.object(), kind.rawValue, name, StoredBytes(.object(stored))])
    }
    guard let row = try row("SELECT * FROM ruleSets WHERE kind = ? AND name = ?", [kind.rawValue, name]) else {
      throw StoreError(.unusable, "the \(kind.rawValue) \(name) is missing in the database")
    }
    return try RuleSetRecord(row)
  }

  private func ruleSets(_ kind: RuleSetRecord.Kind) throws -> [RuleSetRecord] {
    let sql = "SELECT * FROM ruleSets WHERE kind = ? ORDER BY number"
    return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: [kind.rawValue]).map { try RuleSetRecord($0) }
  }

  /// The data of the newest catalog of each source.
  private func catalogData(of node: String, _ sources: Set<String>) throws -> [String: JSON] {
    let records = try newestCatalogs(of: node, sources: sources.sorted())
    var data: [String: JSON] = [:]
    for source in sources { data[source] = records[source]?["data"] }
    return data
  }

  /// Finds the SKU of a node, and stores it, or that there is none.
  func generateSKU(of node: String, _ budget: inout EventBudget) throws -> RequestAnswer {
    guard nodeIfKnown(node) != nil else { return .failed(StoreError.noNode(node).message) }
    guard budget.rules.beginNode() else {
      return .failed("the SKU of node \(node) is not known: the rules of the nodes before it took too long")
    }
    var best: (fit: Int, id: String)?
    var name = ""
    do {
      let skus = try budget.skus ?? ruleSets(.sku).map { ($0, try SKURules($0.document["rules"] ?? .null)) }
      budget.skus = skus
      let data = try catalogData(of: node, skus.reduce(into: []) { $0.formUnion($1.rules.sources) })
      for (sku, rules) in skus {
        name = sku.name
        guard let fit = try rules.fit(of: data, &budget.rules) else { continue }
        // Of equal fits, the newest counts.
        if fit >= best?.fit ?? fit { best = (fit, sku.id) }
      }
    } catch let error as WorkflowError {
      return .failed("the SKU of node \(node) is not known, since \(name) cannot be tried: \(error.message)")
    }
    try update(node) { $0.document[NodeRecord.skuField] = best.map { .string($0.id) } ?? .null }
    return .done(.null)
  }

  /// Gives each node the tags whose rules match. No tag is taken away.
  ///
  /// - Returns: a failure that names the tags whose rules take too long; the others are given all the same.
  func generateTags(of nodes: [String], _ budget: inout EventBudget) throws -> RequestAnswer {
    var undecided = UndecidedTags()
    do {
      let tags = try budget.tags ?? ruleSets(.tag).map { ($0.name, try TagRules($0.document["rules"] ?? .null)) }
      budget.tags = tags
      let sources = tags.reduce(into: Set<String>()) { $0.formUnion($1.rules.sources) }
      var seen: Set<String> = []
      for id in nodes where seen.insert(id).inserted {
        guard let node = nodeIfKnown(id) else { return .failed(StoreError.noNode(id).message) }
        guard budget.rules.beginNode() else {
          undecided.add("all tags on node \(id)", "the rules of the nodes before it took too long")
          continue
        }
        let data = try catalogData(of: id, sources)
        var new: [String] = []
        for (name, rules) in tags where !node.tags.contains(name) {
          do throws(WorkflowError) {
            if try rules.match(data, &budget.rules) { new.append(name) }
          } catch {
            undecided.add("\(name) on node \(id)", error.message)
          }
        }
        guard !new.isEmpty else { continue }
        try update(id) {
          $0.document[NodeRecord.tagsField] = .array((node.tags + new).map { .string($0) })
        }
      }
    } catch let error as WorkflowError {
      return .failed(error.message)
    }
    return undecided.sentence.map { .failed($0) } ?? .done(.null)
  }

  /// The graph that the node's SKU names, with the options that it names; `nil` when there is none.
  func graphOfSKU(of node: String) throws -> (name: String, options: JSONObject)? {
    guard let id = nodeIfKnown(node)?.sku, let sku = try ruleSets(.sku).first(where: { $0.id == id }),
      let name = sku.document["discoveryGraphName"]?.stringValue
    else { return nil }
    return (name, sku.document["discoveryGraphOptions"]?.objectValue ?? JSONObject())
  }
}

extension StoreCommand where Result == Void {
  /// Gives a node tags, besides those that it has.
  public static func addTags(_ tags: [String], to node: String) -> StoreCommand<Void> {
    StoreCommand { transaction in
      try transaction.update(node) { node in
        let new = tags.filter { !node.tags.contains($0) }
        node.document[NodeRecord.tagsField] = .array((node.tags + new).map { .string($0) })
      }
    }
  }

  /// Takes a tag away from nodes. One that does not have it stays as it is.
  public static func removeTag(_ tag: String, from nodes: [String]) -> StoreCommand<Void> {
    StoreCommand { transaction in
      for id in nodes where transaction.nodeIfKnown(id)?.tags.contains(tag) == true {
        try transaction.update(id) { node in
          node.document[NodeRecord.tagsField] = .array(node.tags.filter { $0 != tag }.map { .string($0) })
        }
      }
    }
  }
}

/// Tags of which it is not known whether nodes get them.
private struct UndecidedTags {
  /// The others are counted.
  private static let mostNamed = 10

  private var named: [String] = []
  private var reason = ""
  private var count = 0

  mutating func add(_ tag: String, _ reason: String) {
    count += 1
    if count == 1 { self.reason = reason }
    if count <= Self.mostNamed { named.append(tag) }
  }

  var sentence: String? {
    guard count > 0 else { return nil }
    let more = count > named.count ? " and \(count - named.count) more" : ""
    return "every tag was tried but \(named.joined(separator: ", "))\(more): \(reason)"
  }
}
