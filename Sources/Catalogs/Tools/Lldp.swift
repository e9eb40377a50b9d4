import JSONDocument

extension CatalogTool {
  static let lldp = CatalogTool(
    name: "lldpcli", source: "lldp", commands: [.exact("sudo /usr/sbin/lldpcli show neighbor -f keyvalue")],
    parse: Lldp.parse)
}

/// `lldpcli -f keyvalue`: objects nested by the dots of the keys, behind `lldp`. A value ends at the next `=`; the last one
/// of a repeated key stays.
enum Lldp {
  private final class Node {
    var text: String?
    var children: [String: Node] = [:]
    var names: [String] = []

    var json: JSON {
      if let text { return .string(text) }
      var fields = Fields()
      for name in names { fields[name] = children[name]?.json }
      return fields.json
    }
  }

  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    guard !output.isEmpty else { throw Unparsable("the output is empty") }
    let root = Node()
    var budget = ValueBudget()
    for (number, line) in OutputText.filledLines(output) {
      let (key, value) = line.pair(at: "=")
      guard key == "lldp" || key.begins(with: "lldp.") else { continue }
      let names = key.pieces(between: ".").dropFirst()
      guard names.count <= CatalogLimits.depth else {
        throw Unparsable(line: number, "the key has more than \(CatalogLimits.depth) parts")
      }
      guard let value else { continue }
      try budget.take(names.count)
      var node = root
      for part in names {
        // A VLAN's name comes behind its number, under a key that is the beginning of the number's key.
        node.text = nil
        let name = String(part)
        if node.children[name] == nil {
          node.children[name] = Node()
          node.names.append(name)
        }
        node = node.children[name] ?? node
      }
      if node !== root {
        node.text = String(value)
        node.children = [:]
        node.names = []
      }
    }
    return ParsedOutput(root.json)
  }
}
