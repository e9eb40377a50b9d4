import Foundation
import HTTPTypes
import Hummingbird
import JSONDocument

/// Which part of a list of documents a query asks for: `$skip`, `$top`, `sort=[+-]field`, and `attribute=value` for those that
/// have the value.
struct NodeList: Sendable {
  private let skip: Int?
  private let top: Int?
  private let sort: (field: String, descends: Bool)?
  private let filters: [(field: String, value: String)]

  /// - Throws: `APIError` 400 when a number is none.
  init(_ request: Request) throws {
    var filters: [(field: String, value: String)] = []
    var numbers: [String: Int] = [:]
    var sort: (field: String, descends: Bool)?
    for (encoded, value) in request.uri.queryParameters.map({ (String($0.key), String($0.value)) }) {
      // Many clients write %24 for the dollar sign, and only values are decoded already.
      let name = encoded.removingPercentEncoding ?? encoded
      switch name {
      case "$skip", "$top":
        guard let number = Int(value), number >= (name == "$top" ? 1 : 0) else {
          throw APIError(.badRequest, "\(name)=\(value): expected a number\(name == "$top" ? " above 0" : "")")
        }
        numbers[name] = number
      case "sort":
        // A plus sign that is not encoded may arrive as a blank.
        sort = (String(value.drop { "+- ".contains($0) }), value.hasPrefix("-"))
      default: filters.append((name, value))
      }
    }
    (skip, top, self.sort, self.filters) = (numbers["$skip"], numbers["$top"], sort, filters)
  }

  /// The part of the list, sorted within itself as the stock server does it. A paged answer tells in its header `Link` where
  /// the other parts are.
  func response(_ documents: [JSON], path: String) -> Response {
    let all = documents.filter { document in filters.allSatisfy { Self.has(document[$0.field], $0.value) } }
    var part = Array(all.dropFirst(skip ?? 0).prefix(top ?? all.count))
    if let sort {
      let sorted = part.enumerated().sorted { left, right in
        let (first, second) = (Self.text(left.element[sort.field]), Self.text(right.element[sort.field]))
        if first == second { return left.offset < right.offset }
        return sort.descends ? first > second : first < second
      }
      part = sorted.map(\.element)
    }
    var response = Response.json(.array(part))
    if let link = link(count: all.count, path: path), let name = HTTPField.Name("Link") {
      response.headers[name] = link
    }
    return response
  }

  private func link(count: Int, path: String) -> String? {
    guard let top else { return nil }
    let skip = skip ?? 0
    var places = [("first", 0), ("last", max(0, (count - 1) / top * top))]
    if skip > 0 { places.append(("prev", max(0, skip - top))) }
    if skip < count, top < count - skip { places.append(("next", skip + top)) }
    return places.map { "<\(path)?$skip=\($0.1)&$top=\(top)>; rel=\"\($0.0)\"" }.joined(separator: ", ")
  }

  /// A list has the value when one of its entries is it.
  private static func has(_ found: JSON?, _ value: String) -> Bool {
    if let list = found?.arrayValue { return list.contains { text($0) == value } }
    return found != nil && text(found) == value
  }

  private static func text(_ value: JSON?) -> String { value.map { $0.stringValue ?? $0.text } ?? "" }
}
