import JSONDocument

extension CatalogTool {
  static let ipmiLAN = CatalogTool(
    name: "ipmitool-lan-print", source: "bmc",
    commands: [.optionalChannel("sudo ipmitool lan print"), .optionalChannel("sudo ipmitool -I open lan print")],
    naming: Naming(third: "rmm", toleratesFailure: true), parse: IpmitoolChannels.lan)

  static let ipmiUserSummary = CatalogTool(
    name: "ipmitool-user-summary", source: "ipmi-user-summary", commands: [.channel("sudo ipmitool user summary")],
    naming: Naming(third: "rmm-user-summary", toleratesFailure: true), parse: IpmitoolChannels.userSummary)

  static let ipmiUserList = CatalogTool(
    name: "ipmitool-user-list", source: "ipmi-user-list", commands: [.channel("sudo ipmitool -c user list")],
    naming: Naming(third: "rmm-user-list", toleratesFailure: true), parse: IpmitoolChannels.userList)
}

/// What `ipmitool` tells of a channel of the BMC. Tasks ask for all 15 channels: a channel that prints nothing is not there.
enum IpmitoolChannels {
  private static let absent = ParsedOutput(.null, absence: "the output is empty: the BMC has no such channel")

  /// `lan print`: an object. Of its lists `Auth Type Enable` is an object and `Cipher Suite Priv Max` an array; both go on
  /// in lines without a key.
  static func lan(_ output: String) throws(Unparsable) -> ParsedOutput {
    guard !output.isEmpty else { return absent }
    let (authentication, ciphers) = ("Auth Type Enable", "Cipher Suite Priv Max")
    var fields = Fields()
    var types = Fields()
    var suites: [JSON] = []
    for (_, line) in OutputText.filledLines(output) {
      let pieces = line.pieces(between: " : ")
      guard pieces.count > 1 else { continue }
      let (key, value) = (pieces[0].trimmed, pieces[1].trimmed)
      if pieces.count == 3 {
        guard key == authentication || key.isEmpty && !types.isEmpty else { continue }
        types.set(value, pieces[2])
        fields[authentication] = []
      } else if key == ciphers || key.isEmpty && !suites.isEmpty {
        suites.append(.string(String(value)))
        fields[ciphers] = []
      } else {
        fields.set(key, value)
      }
    }
    if !types.isEmpty { fields[authentication] = types.json }
    if !suites.isEmpty { fields[ciphers] = .array(suites) }

    let mac = fields["MAC Address"]?.stringValue
    let address = fields["IP Address"]?.stringValue
    let lookup = address == "0.0.0.0" ? nil : Lookup.pair(ip: address, mac: mac)
    return ParsedOutput(
      fields.json, lookups: lookup.map { [$0] } ?? [],
      absence: mac == "00:00:00:00:00:00" ? "the channel's MAC address is 00:00:00:00:00:00" : nil)
  }

  /// `user summary`: the lines with a key and a value.
  static func userSummary(_ output: String) throws(Unparsable) -> ParsedOutput {
    guard !output.isEmpty else { return absent }
    var fields = Fields()
    for (_, line) in OutputText.filledLines(output) {
      let (key, value) = line.pair(at: " : ")
      if let value { fields.set(key.trimmed, value.trimmed) }
    }
    return ParsedOutput(fields.json)
  }

  /// `-c user list`: for each user a member with its number, an object. Some versions of ipmitool print a header.
  static func userList(_ output: String) throws(Unparsable) -> ParsedOutput {
    guard !output.isEmpty else { return absent }
    let names = ["ID", "Name", "Callin", "Link Auth", "IPMI Msg", "Channel Priv Limit"]
    var users = Fields()
    for (_, line) in OutputText.filledLines(output) {
      let columns = line.pieces(between: ",")
      if columns[0] == "ID" { continue }
      var user = Fields()
      for (name, column) in zip(names, columns) { user.set(name, column) }
      users[String(columns[0])] = user.json
    }
    return ParsedOutput(users.json)
  }
}
