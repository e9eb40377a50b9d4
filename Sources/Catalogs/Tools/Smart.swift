import JSONDocument

extension CatalogTool {
  static let smart = CatalogTool(
    name: "smart", source: "smart", commands: [.exact("sudo bash get_smart.sh")]
  ) { output throws(Unparsable) in
    // The stock template prints the text of smartctl; this project's prints its JSON.
    if output[...].trimmed.begins(with: "{") { return try SmartJSON.parse(output) }
    return try Smart.parse(output)
  }
}

/// What `get_smart.sh` prints of each disk: a line `####<device> <type>`, the output of `smartctl`, and perhaps a line that
/// begins with `###` and, below it, what is known of the disk's controller. An array with an object for each disk.
enum Smart {
  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    var disks: [JSON] = []
    var device = ""
    var block: [Substring] = []
    var budget = ValueBudget()
    for line in OutputText.lines(output) {
      if let name = deviceName(in: line) {
        try append(block, of: &device, to: &disks, &budget)
        block = []
        device = String(name)
      } else {
        block.append(line)
      }
    }
    try append(block, of: &device, to: &disks, &budget)
    return ParsedOutput(.array(disks))
  }

  /// The text behind four number signs or more at the line's beginning.
  private static func deviceName(in line: Substring) -> Substring? {
    guard line.begins(with: "####") else { return nil }
    let name = Substring(line.utf8.drop { $0 == UInt8(ascii: "#") }).trimmed
    return name.isEmpty ? nil : name
  }

  /// A device of which nothing is said makes no entry.
  private static func append(
    _ block: [Substring], of device: inout String, to disks: inout [JSON], _ budget: inout ValueBudget
  ) throws(Unparsable) {
    guard block.contains(where: { !$0.isEmpty }) else { return }
    var disk = Fields()
    disk.set("OS Device Name", device)
    disk.set("smartctl Version", version(block.first ?? ""))
    disk["SMART"] = []
    disk["Controller"] = [:]
    for part in block.split(whereSeparator: { $0.begins(with: "###") }) {
      if part.first?.begins(with: "controller_name") == true {
        disk["Controller"] = try controller(part)
      } else {
        disk["SMART"] = try SmartText.parse(part, &budget)
      }
    }
    disks.append(disk.json)
    device = ""
  }

  private static func version(_ line: Substring) -> Substring {
    guard line.begins(with: "smartctl ") else { return "" }
    return Substring(line.utf8.dropFirst(9).prefix { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) })
  }

  private static func controller(_ lines: ArraySlice<Substring>) throws(Unparsable) -> JSON {
    var fields = Fields()
    for line in lines where !line.trimmed.isEmpty {
      let (key, value) = line.trimmed.pair(at: "=")
      guard let value else { throw Unparsable("'=' is missing in the controller's line '\(line.trimmed.excerpt)'") }
      fields.set(key, value.trimmed)
    }
    return fields.json
  }
}
