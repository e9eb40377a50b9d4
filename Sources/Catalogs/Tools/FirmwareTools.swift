import JSONDocument

extension CatalogTool {
  static let sas2flash = CatalogTool(
    name: "sas2flash", source: "mpt2fusion-adapters",
    commands: [.exact("sudo /opt/mpt/mpt2fusion/sas2flash -s -list")], parse: FirmwareTools.sas2flash)

  static let ami = CatalogTool(
    name: "afulnx", source: "ami", commands: [.exact("cd /opt/ami; sudo ./afulnx_64 /S")], parse: FirmwareTools.ami)

  static let flashupdt = CatalogTool(
    name: "flashupdt", source: "flashupdt", commands: [.exact("sudo /opt/intel/flashupdt -i")], failsTask: true,
    parse: FirmwareTools.flashupdt)

  static let esxcli = CatalogTool(
    name: "esxcli", source: "esxcli-network-driver-version",
    commands: [.anyThatBegins("esxcli software vib get --vibname=net-ixgbe")], parse: FirmwareTools.esxcli)
}

/// Vendors' tools that print lines with a key and a value.
enum FirmwareTools {
  /// `sas2flash -list`: an object. Five lines before it are the tool's title, four behind it its farewell.
  static func sas2flash(_ output: String) throws(Unparsable) -> ParsedOutput {
    var fields = Fields()
    for (index, line) in OutputText.lines(output).enumerated().dropFirst(5).dropLast(4) where !line.isEmpty {
      let (key, value) = line.halves(at: ":")
      guard let value else { throw Unparsable(line: index + 1, "a colon is missing in '\(line.excerpt)'") }
      fields.set(key.trimmed, value.trimmed)
    }
    return ParsedOutput(fields.json)
  }

  /// `afulnx_64 /S`: those of its three values that are there.
  static func ami(_ output: String) throws(Unparsable) -> ParsedOutput {
    let names = [
      ("System ROM ID", "systemRomId"), ("System ROM GUID", "systemRomGuid"),
      ("System ROM Secure Flash", "systemRomSecureFlash"),
    ]
    var fields = Fields()
    for line in OutputText.lines(output) {
      guard let (_, name) = names.first(where: { line.has($0.0) }) else { continue }
      fields.set(name, line.pieces(between: " = ").last)
    }
    return ParsedOutput(fields.json)
  }

  /// `flashupdt -i`: from `BIOS Version Information` to `Successfully Completed`. A line that ends with a colon is the title
  /// of an object, and the indented lines below it are its members; other lines are texts. A colon and dots part key and
  /// value.
  static func flashupdt(_ output: String) throws(Unparsable) -> ParsedOutput {
    let lines = OutputText.lines(output)
    let end = lines.lastIndex { $0 == "Successfully Completed" } ?? lines.count - 1
    guard let start = lines.firstIndex(where: { $0.begins(with: "BIOS Version Information") }), start < end else {
      return ParsedOutput([:])
    }
    var result = Fields()
    var title: String?
    var fields = Fields()
    for index in start..<end {
      let line = lines[index]
      if line.trimmed.isEmpty || line.begins(with: "------") { continue }
      if line.utf8.first?.isWhiteSpace == true {
        guard title != nil else { throw Unparsable(line: index + 1, "'\(line.trimmed.excerpt)' belongs to no title") }
        set(line, in: &fields)
        continue
      }
      if let title { result[title] = fields.json }
      fields = Fields()
      title = nil
      if line.trimmed.utf8.last == UInt8(ascii: ":") {
        title = String(line.pair(at: ":").key)
      } else {
        set(line, in: &result)
      }
    }
    if let title { result[title] = fields.json }
    return ParsedOutput(result.json)
  }

  /// `key:....value`, where the value ends at the next colon with dots: two of them in a line make no member.
  private static func set(_ line: Substring, in fields: inout Fields) {
    let (key, value) = split(line)
    guard let value else {
      fields.set(line.trimmed, "")
      return
    }
    if split(value).1 == nil { fields.set(key.trimmed, value.trimmed) }
  }

  private static func split(_ line: Substring) -> (Substring, Substring?) {
    guard let place = line.utf8.place(of: ":.".utf8) else { return (line, nil) }
    let dots = line[place.lowerBound...].utf8.dropFirst().prefix { $0 == UInt8(ascii: ".") }
    return (line[line.startIndex..<place.lowerBound], line[dots.endIndex...])
  }

  /// `esxcli software vib get`: four values, by their places: name, version, vendor, and as `description` the sixth line.
  static func esxcli(_ output: String) throws(Unparsable) -> ParsedOutput {
    let lines = OutputText.filledLines(output).dropFirst().map(\.text)
    var fields = Fields()
    for (name, place) in [("version", 1), ("name", 0), ("description", 5), ("vendor", 3)] {
      guard place < lines.count, let value = lines[place].pair(at: ":").value else {
        throw Unparsable("the output has no line \(place + 2) with a colon")
      }
      fields.set(name, value.trimmed)
    }
    return ParsedOutput(fields.json)
  }
}
