import JSONDocument

extension CatalogTool {
  static let ohai = CatalogTool(
    name: "ohai", source: "ohai", commands: [.exact("sudo ohai --directory /etc/ohai/plugins")]
  ) { output throws(Unparsable) in ParsedOutput(try JSONOutput.parse(output)) }

  static let lshw = CatalogTool(
    name: "lshw", source: "lshw", commands: [.exact("sudo lshw -json")], parse: Lshw.parse)
}

/// `lshw -json`: the document as it is. The serial numbers of NICs are their MAC addresses.
enum Lshw {
  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    let document = try JSONOutput.parse(output)
    guard case .object = document else {
      throw Unparsable("lshw's document is no object (lshw from B.02.20 on writes an array)")
    }
    guard let parts = document["children"]?[0]?["children"]?.arrayValue else {
      throw Unparsable("lshw's document has no children[0].children")
    }
    var lookups: [Lookup] = []
    for part in parts {
      guard let name = part["id"]?.stringValue else { throw Unparsable("an element of children[0].children has no id") }
      if name[...].begins(with: "pci") { lookups += nics(of: part) }
    }
    return ParsedOutput(document, lookups: lookups)
  }

  /// NICs of a bus, and of the busses behind its bridges.
  private static func nics(of bus: JSON) -> [Lookup] {
    func address(_ device: JSON) -> [Lookup] {
      device["serial"]?.stringValue.flatMap { Lookup.node($0) }.map { [$0] } ?? []
    }
    return (bus["children"]?.arrayValue ?? []).flatMap { device -> [Lookup] in
      guard let name = device["id"]?.stringValue?[...] else { return [] }
      if name.begins(with: "network") { return address(device) }
      guard name.begins(with: "pci") else { return [] }
      return (device["children"]?.arrayValue ?? []).flatMap { inner in
        inner["class"]?.stringValue?[...].begins(with: "network") == true ? address(inner) : []
      }
    }
  }
}
