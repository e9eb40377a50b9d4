import JSONDocument

extension CatalogTool {
  static let ip = CatalogTool(
    name: "ip", source: "ip", commands: [.exact("sudo ip -d addr show; sudo ip -d link show")], parse: Ip.parse)
}

/// `ip -d addr show; ip -d link show`: for each interface an object of pairs of words, with the array `flags` and, for a VLAN,
/// the object `vlan`. What comes first stays: of several addresses the first one.
enum Ip {
  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    guard !output.isEmpty else { throw Unparsable("the output is empty") }
    var interfaces: [String: Fields] = [:]
    var names: [String] = []
    var name: String?
    var budget = ValueBudget()
    for (number, line) in OutputText.filledLines(output) {
      var details = line
      // An interface begins with one digit and a colon. From the tenth on, stock parsers take it for details of the one
      // before.
      if line.utf8.dropFirst().first == UInt8(ascii: ":") {
        let (title, rest) = Substring(line.utf8.dropFirst(3)).pair(at: ": ")
        guard let rest else { throw Unparsable(line: number, "no name of an interface in '\(line.excerpt)'") }
        let key = String(title)
        name = key
        if interfaces[key] == nil { names.append(key) }
        let (flags, others) = rest.halves(at: " ")
        let list = flags.pieces(between: ",").map { JSON.string(String($0.filter { $0 != "<" && $0 != ">" })) }
        try budget.take(list.count)
        interfaces[key, default: Fields()].setDefault("flags", .array(list))
        details = others ?? ""
      }
      guard let name else { throw Unparsable(line: number, "'\(line.excerpt)' belongs to no interface") }
      try add(details, to: &interfaces[name, default: Fields()], &budget)
    }

    var result = Fields()
    var lookups: [Lookup] = []
    for name in names {
      guard let fields = interfaces[name] else { continue }
      result[name] = fields.json
      guard name != "lo", fields["vlan"] == nil else { continue }
      guard let address = fields["inet"]?.stringValue else {
        throw Unparsable("the interface \(name) has no IPv4 address")
      }
      let mac = fields["link/ether"]?.stringValue
      if let lookup = Lookup.pair(ip: String(address[...].pair(at: "/").key), mac: mac) { lookups.append(lookup) }
    }
    return ParsedOutput(result.json, lookups: lookups)
  }

  private static func add(_ line: Substring, to interface: inout Fields, _ budget: inout ValueBudget) throws(Unparsable)
  {
    var words = line.words.map { String($0) }
    guard let first = words.first else { return }
    try budget.take(words.count)
    var pairs = Fields()
    if first[...].has("vlan") {
      // `vlan protocol 802.1Q id 99 <REORDER_HDR>`
      words = Array(words.dropFirst().dropLast())
    } else if words.count % 2 != 0, let last = words.popLast(), !words.isEmpty {
      // The name of an interface belongs to the word before it: `scope global eth0`.
      words[words.count - 1] += " \(last)"
    }
    for index in stride(from: 0, to: words.count - 1, by: 2) { pairs.set(words[index], words[index + 1]) }
    if first[...].has("vlan") {
      interface.setDefault("vlan", pairs.json)
    } else if case .object(let object) = pairs.json {
      for member in object.members { interface.setDefault(member.key, member.value) }
    }
  }
}
