import JSONDocument

extension CatalogTool {
  static let ipJSON = CatalogTool(
    name: "ip-json", source: "ip", commands: [.exact("sudo ip -j addr show"), .exact("sudo ip -j -d addr show")],
    parse: IpJSON.parse)
}

/// `ip -j addr show`: the catalog that `Ip` makes of the same facts as text, but for interfaces without an IPv4 address, and
/// the tenth and later ones, which are no problem here. All values are texts.
enum IpJSON {
  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    guard let interfaces = try JSONOutput.parse(output).arrayValue else {
      throw Unparsable("ip's document is no array of interfaces")
    }
    var result = Fields()
    var lookups: [Lookup] = []
    for interface in interfaces {
      // `ip -j` writes an empty object for an interface that has no address of the wanted family.
      guard let name = interface["ifname"]?.stringValue else { continue }
      let title = interface["link"]?.stringValue.map { "\(name)@\($0)" } ?? name
      let fields = describe(interface, name: name)
      result[title] = fields.json
      let address = fields["inet"]?.stringValue.map { String($0[...].pair(at: "/").key) }
      if name != "lo", fields["vlan"] == nil,
        let lookup = Lookup.pair(ip: address, mac: fields["link/ether"]?.stringValue)
      {
        lookups.append(lookup)
      }
    }
    return ParsedOutput(result.json, lookups: lookups)
  }

  private static func describe(_ interface: JSON, name: String) -> Fields {
    var fields = Fields()
    fields["flags"] = .array(interface["flags"]?.arrayValue ?? [])
    for (key, member) in [
      ("mtu", "mtu"), ("qdisc", "qdisc"), ("master", "master"), ("state", "operstate"), ("group", "group"),
      ("qlen", "txqlen"),
    ] {
      fields.set(key, interface[member].flatMap(text))
    }
    if let type = interface["link_type"]?.stringValue {
      fields.set("link/\(type)", interface["address"].flatMap(text))
      fields.set("brd", interface["broadcast"].flatMap(text))
    }
    for (key, member) in [
      ("promiscuity", "promiscuity"), ("allmulti", "allmulti"), ("minmtu", "min_mtu"), ("maxmtu", "max_mtu"),
      ("numtxqueues", "num_tx_queues"), ("numrxqueues", "num_rx_queues"), ("gso_max_size", "gso_max_size"),
      ("gso_max_segs", "gso_max_segs"), ("tso_max_size", "tso_max_size"), ("tso_max_segs", "tso_max_segs"),
      ("gro_max_size", "gro_max_size"), ("parentbus", "parentbus"), ("parentdev", "parentdev"),
    ] {
      fields.set(key, interface[member].flatMap(text))
    }
    if interface["linkinfo"]?["info_kind"] == "vlan", let data = interface["linkinfo"]?["info_data"] {
      var vlan = Fields()
      vlan.set("protocol", data["protocol"].flatMap(text))
      vlan.set("id", data["id"].flatMap(text))
      fields["vlan"] = vlan.json
    }
    for address in interface["addr_info"]?.arrayValue ?? [] { add(address, to: &fields) }
    return fields
  }

  /// The first address of each family stays, as in the text's catalog; so do the first one's scope and lifetime.
  private static func add(_ address: JSON, to fields: inout Fields) {
    guard let family = address["family"]?.stringValue, let local = address["local"]?.stringValue,
      let length = address["prefixlen"].flatMap(text)
    else { return }
    fields.setDefault(family, .string("\(local)/\(length)"))
    if let scope = address["scope"]?.stringValue {
      let label = address["label"]?.stringValue.map { " \($0)" } ?? ""
      fields.setDefault("scope", .string(scope + label))
    }
    for (key, member) in [("valid_lft", "valid_life_time"), ("preferred_lft", "preferred_life_time")] {
      guard let seconds = address[member].flatMap(text) else { continue }
      // The largest number of 32 bits stands for "without end".
      fields.setDefault(key, .string(seconds == "4294967295" ? "forever" : seconds + "sec"))
    }
  }

  private static func text(_ value: JSON) -> String? {
    switch value {
    case .string(let text), .number(let text): text
    default: nil
    }
  }
}
