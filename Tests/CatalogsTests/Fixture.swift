import Catalogs
import Foundation
import JSONDocument
import Testing

/// An output in `Fixtures`: `<tool>.<case>.txt`, with its whole catalog in `<tool>.<case>.json` for small ones.
///
/// docs/catalogs.md says which outputs were recorded and which were written.
struct Fixture: CustomTestStringConvertible, Sendable {
  static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

  let name: String

  init(_ name: String) { self.name = name }

  static func all() throws -> [Fixture] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".txt") }.sorted()
      .map { Fixture(String($0.dropLast(4))) }
  }

  static func withWholeCatalog() throws -> [Fixture] {
    try all().filter { FileManager.default.fileExists(atPath: directory.appending(path: $0.name + ".json").path) }
  }

  var testDescription: String { name }
  var path: String { Self.directory.appending(path: name + ".txt").path }
  var toolName: String { String(name.prefix { $0 != "." }) }

  func output() throws -> String { String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self) }

  func command() throws -> ToolCommand { ToolCommand(try #require(CatalogTool.named(toolName), "\(toolName)")) }

  func catalog() throws -> Catalog { try command().catalog(of: output()) }

  func expected() throws -> JSON {
    try JSON(parsing: Data(contentsOf: Self.directory.appending(path: name + ".json")))
  }
}

extension JSON {
  /// With the members of all objects in the order of their keys, for comparisons.
  var sorted: JSON {
    switch self {
    case .array(let elements): return .array(elements.map(\.sorted))
    case .object(let object):
      var result = JSONObject()
      for member in object.members.sorted(by: { $0.key < $1.key }) {
        result.append(key: member.key, value: member.value.sorted)
      }
      return .object(result)
    default: return self
    }
  }

  /// What it is, in a word.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "text"
    case .array: "list"
    case .object: "object"
    }
  }
}

extension Catalog {
  /// As `monorail-mock catalog` prints it.
  var record: JSON {
    var object = JSONObject()
    object["source"] = .string(source)
    object["data"] = data
    if !lookups.isEmpty { object["lookups"] = .array(lookups.map(\.json)) }
    return .object(object)
  }

  var isParsed: Bool { if case .parsed = content { true } else { false } }
}
