import JSONDocument

extension CatalogTool {
  static let ipmiSELInformation = CatalogTool(
    name: "ipmitool-sel", source: "ipmi-sel-information", commands: [.exact("sudo ipmitool sel")],
    parse: Ipmitool.logInformation)

  static let ipmiSEL = CatalogTool(
    name: "ipmitool-sel-list", source: "ipmi-sel",
    commands: [.exact("sudo ipmitool sel list -c"), .exact("sudo ipmitool -I open sel list")], parse: Ipmitool.log)

  static let ipmiMC = CatalogTool(
    name: "ipmitool-mc-info", source: "ipmi-mc-info",
    commands: [.exact("sudo ipmitool mc info"), .exact("sudo ipmitool -I open mc info")], parse: Ipmitool.controller)

  static let ipmiFRU = CatalogTool(
    name: "ipmitool-fru", source: "ipmi-fru",
    commands: [.exact("sudo ipmitool fru"), .exact("sudo ipmitool -I open fru print")], parse: Ipmitool.fru)
}

/// What `ipmitool` tells of the BMC itself, its inventory and its event log.
enum Ipmitool {
  /// `sel`: an object. The first line is a title.
  static func logInformation(_ output: String) throws(Unparsable) -> ParsedOutput {
    var fields = Fields()
    for (index, line) in OutputText.lines(String(output[...].trimmed)).enumerated().dropFirst() {
      let (key, value) = line.pair(at: " : ")
      guard let value else { throw Unparsable(line: index + 1, "' : ' is missing in '\(line.excerpt)'") }
      fields.set(key.trimmed, value.trimmed)
    }
    return ParsedOutput(fields.json)
  }

  /// `sel list`: for each record a member with its number, an array of the other columns. With `-c` commas part the
  /// columns, else bars with blanks around them.
  static func log(_ output: String) throws(Unparsable) -> ParsedOutput {
    var fields = Fields()
    var budget = ValueBudget()
    for (_, line) in OutputText.filledLines(output) {
      let isTable = !line.has(",") || line.has(" | ")
      let columns =
        isTable ? line.pieces(between: "|").map(\.trimmed) : line.pieces(between: ",")
      try budget.take(columns.count)
      fields[String(columns[0])] = .array(columns.dropFirst().map { .string(String($0)) })
    }
    return ParsedOutput(fields.json)
  }

  /// `mc info`: an object. Values end at the next colon; two titles have lists below them.
  static func controller(_ output: String) throws(Unparsable) -> ParsedOutput {
    guard !output.isEmpty else { throw Unparsable("the output is empty") }
    let lists = ["Additional Device Support", "Aux Firmware Rev Info"]
    var fields = Fields()
    var items: [String: [JSON]] = [:]
    var current: String?
    for (_, line) in OutputText.filledLines(output) {
      let (rawKey, value) = line.pair(at: ":")
      let key = String(rawKey.trimmed)
      if lists.contains(key) {
        fields[key] = []
        items[key] = []
        // The firmware's revision comes last: what follows it belongs to it.
        current = current == lists[1] ? current : key
      } else if let current {
        items[current]?.append(.string(key))
      } else {
        fields.set(key, value?.trimmed ?? "")
      }
    }
    for list in lists where items[list] != nil { fields[list] = .array(items[list] ?? []) }
    return ParsedOutput(fields.json)
  }

  /// `fru`: for each device a member with its description, an object. Values end at the next colon.
  static func fru(_ output: String) throws(Unparsable) -> ParsedOutput {
    var devices: [String: Fields] = [:]
    var names: [String] = []
    for (number, line) in OutputText.filledLines(output) {
      let (rawKey, rawValue) = line.pair(at: ":")
      let (key, value) = (rawKey.trimmed, rawValue?.trimmed ?? "")
      if key == "FRU Device Description" {
        let name = String(value)
        if devices[name] == nil || names.last != name { names.append(name) }
        devices[name] = Fields()
      } else if let name = names.last {
        devices[name, default: Fields()].set(key, value)
      } else {
        throw Unparsable(line: number, "'\(line.excerpt)' stands before the first 'FRU Device Description'")
      }
    }
    var fields = Fields()
    for name in names { fields[name] = devices[name]?.json }
    return ParsedOutput(fields.json)
  }
}
