import JSONDocument

/// Outputs that are JSON already.
enum JSONOutput {
  static func parse(_ output: String) throws(Unparsable) -> JSON {
    do {
      return try JSON(parsing: output.utf8, maximumValues: CatalogLimits.values)
    } catch {
      throw Unparsable(output[...].trimmed.isEmpty ? "the output is empty" : "\(error)")
    }
  }
}

extension JSON {
  /// The element of an array at that place.
  subscript(_ index: Int) -> JSON? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }
}
