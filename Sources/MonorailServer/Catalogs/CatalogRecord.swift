import Foundation
import JSONDocument

/// A catalog of a node, as the server keeps it.
public struct CatalogRecord: Sendable {
  /// 24 hexadecimal digits, as the stock server's.
  public let id: String
  public let nodeID: String
  public let source: String
  /// The document as JSON text. As values it would take many times the memory.
  let text: [UInt8]
  /// Why the output could not be parsed, so that the document is the output as it was; `nil` when it was parsed.
  public let reason: String?
  public let created: Date

  /// - Throws: `JSONParseError` never, for a record that the server made.
  public func data() throws -> JSON { try JSON(parsing: text) }

  /// As `GET nodes/<id>/catalogs` shows it.
  func view() throws -> JSON { try json(node: "/api/2.0/nodes/" + nodeID) }

  /// As `GET nodes/<id>/catalogs/<source>` shows it.
  func raw() throws -> JSON { try json(node: nodeID) }

  private func json(node: String) throws -> JSON {
    let time = JSON.string(APIDate.text(created))
    var fields = JSONObject()
    fields["id"] = .string(id)
    fields["node"] = .string(node)
    fields["createdAt"] = time
    fields["updatedAt"] = time
    fields["source"] = .string(source)
    fields["data"] = try data()
    if let reason { fields["reason"] = .string(reason) }
    return .object(fields)
  }
}

/// Times as the API writes them: `2026-02-01T09:30:00.000Z`.
enum APIDate {
  static func text(_ date: Date) -> String {
    date.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted))
  }
}
