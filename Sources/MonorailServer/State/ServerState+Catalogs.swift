import JSONDocument
import MonorailProtocol
import MonorailStore
import Workflows

extension ServerState {
  /// Every catalog in the order of their coming, or those of one node.
  ///
  /// - Throws: `StoreError` when the database cannot be read.
  public func catalogs(of nodeID: String? = nil) throws -> [CatalogRecord] { try store.catalogs(of: nodeID) }
}

extension CatalogRecord {
  /// As `GET nodes/<id>/catalogs` shows it.
  func view() throws -> JSON { try json(node: "/api/2.0/nodes/" + node) }

  /// As `GET nodes/<id>/catalogs/<source>` shows it.
  func raw() throws -> JSON { try json(node: node) }

  private func json(node: String) throws -> JSON {
    var fields = JSONObject()
    fields["id"] = .string(id)
    fields["node"] = .string(node)
    fields["createdAt"] = .string(UTCTime.text(createdAt))
    fields["updatedAt"] = .string(UTCTime.text(updatedAt))
    fields["source"] = .string(source)
    fields["data"] = try data()
    if let reason { fields["reason"] = .string(reason) }
    return .object(fields)
  }
}
