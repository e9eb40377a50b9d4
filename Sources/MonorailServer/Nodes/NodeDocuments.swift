import JSONDocument
import MonorailProtocol

/// Nodes as the API shows them.
struct NodeDocuments: Sendable {
  let state: ServerState

  /// With the members of the stock server's view, and what this server knows besides.
  func view(_ node: KnownNode) -> JSON {
    let last = try? state.store.lastReport(of: node.id)
    var fields = common(node)
    if let sku = node.document["sku"] {
      fields["sku"] = sku.stringValue.map { .string("/api/2.0/skus/" + $0) } ?? .null
    }
    for name in ["catalogs", "pollers", "tags", "workflows"] {
      fields[name] = .string("/api/2.0/nodes/\(node.id)/\(name)")
    }
    fields["ipAddress"] = .init(node.ipAddress)
    fields["queued"] = .integer(node.queued)
    fields["handedOut"] = .integer(node.handedOut)
    fields["reports"] = .integer(node.reports)
    fields["boots"] = .integer(node.boots)
    fields["lastFailures"] = .array(last?.failures.map { .string($0) } ?? [])
    return .object(fields)
  }

  /// The stored document: tags by their names, and the identifier of the SKU.
  func raw(_ node: KnownNode) -> JSON {
    var fields = common(node)
    if fields["tags"] == nil { fields["tags"] = [] }
    return .object(fields)
  }

  private func common(_ node: KnownNode) -> JSONObject {
    let obms = (try? state.serviceSettings(of: node.id)) ?? []
    var fields = node.document
    fields["id"] = .string(node.id)
    if fields["type"] == nil { fields["type"] = "compute" }
    if fields["name"] == nil { fields["name"] = .string(node.macAddress?.description ?? node.id) }
    if fields["autoDiscover"] == nil { fields["autoDiscover"] = .bool(false) }
    for name in ["ibms", "relations"] where fields[name] == nil { fields[name] = [] }
    let known = node.macAddresses.map(\.description)
    let others = (node.document["identifiers"]?.arrayValue ?? []).filter { identifier in
      identifier.stringValue.flatMap { MACAddress($0) } == nil
    }
    fields["identifiers"] = .array(known.map { .string($0) } + others)
    fields["obms"] = .array(
      obms.map { ["service": .string($0.service), "ref": .string("/api/2.0/obms/" + $0.id)] })
    return fields
  }
}
