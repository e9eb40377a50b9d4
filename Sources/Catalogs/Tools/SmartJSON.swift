import JSONDocument

/// The JSON of `smartctl --json --all`, a document for each disk: made into the catalog that `Smart` makes of the text, as far
/// as the JSON has the same facts. All values are texts, as there. Nothing is known of controllers.
enum SmartJSON {
  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    let lines = OutputText.filledLines(output)
    var disks: [JSON] = []
    var budget = ValueBudget()
    if lines.allSatisfy({ $0.text.begins(with: "{") }), lines.count > 1 {
      for (number, line) in lines {
        do {
          let document = try JSON(parsing: line.utf8, maximumValues: CatalogLimits.values)
          disks.append(try disk(document, &budget))
        } catch let error as JSONParseError {
          throw Unparsable(line: number, "\(error)")
        } catch let error as Unparsable {
          throw error
        } catch {
          throw Unparsable(line: number, "\(error)")
        }
      }
    } else {
      disks.append(try disk(try JSONOutput.parse(output), &budget))
    }
    return ParsedOutput(.array(disks))
  }

  private static func disk(_ document: JSON, _ budget: inout ValueBudget) throws(Unparsable) -> JSON {
    guard let version = document["smartctl"]?["version"]?.arrayValue else {
      throw Unparsable("a document has no smartctl.version: it is none of smartctl's")
    }
    try budget.take(100)
    var fields = Fields()
    let name = document["device"]?["name"].flatMap(text)
    fields.set(
      "OS Device Name", [name, document["device"]?["type"].flatMap(text)].compactMap(\.self).joined(separator: " "))
    fields.set("smartctl Version", version.compactMap(text).joined(separator: "."))
    fields["SMART"] = try sections(document, &budget)
    fields["Controller"] = [:]
    return fields.json
  }

  private static func sections(_ document: JSON, _ budget: inout ValueBudget) throws(Unparsable) -> JSON {
    var sections = Fields()
    sections["Identity"] = identity(document)
    if let hasPassed = document["smart_status"]?["passed"]?.boolValue {
      let key =
        document["device"]?["type"] == "scsi"
        ? "SMART Health Status" : "SMART overall-health self-assessment test result"
      let result =
        document["device"]?["type"] == "scsi" ? (hasPassed ? "OK" : "FAILED") : (hasPassed ? "PASSED" : "FAILED!")
      sections["Self-Assessment"] = .object(JSONObject(key, .string(result)))
    }
    if let data = document["ata_smart_data"] { sections["Capabilities"] = .array(capabilities(data)) }
    if let attributes = document["ata_smart_attributes"] {
      let rows = attributes["table"]?.arrayValue ?? []
      try budget.take(rows.count * 10)
      sections["Attributes"] = table(attributes, "Attributes Table", rows.map(attribute))
    }
    if let log = document["ata_smart_error_log"]?["summary"] {
      sections["Error Log"] = table(log, "Error Log Table", [])
    }
    if let log = document["ata_smart_self_test_log"]?["standard"] {
      let rows = log["table"]?.arrayValue ?? []
      try budget.take(rows.count * 6)
      sections["Self-test Log"] = table(log, "Self-test Log Table", rows.enumerated().map { test($1, number: $0 + 1) })
    }
    if let log = document["ata_smart_selective_self_test_log"] {
      sections["Selective Self-test Log"] = selective(log)
    }
    return sections.json
  }

  private static func identity(_ document: JSON) -> JSON {
    var fields = Fields()
    let isNVMe = document["device"]?["protocol"] == "NVMe"
    for (key, member) in [
      ("Model Family", "model_family"), (isNVMe ? "Model Number" : "Device Model", "model_name"),
      ("Vendor", "scsi_vendor"), ("Product", "scsi_product"), ("Revision", "scsi_revision"),
      ("Compliance", "scsi_version"),
    ] {
      fields.set(key, document[member].flatMap(text))
    }
    let isSCSI = document["scsi_vendor"] != nil
    fields.set(isSCSI ? "Serial number" : "Serial Number", document["serial_number"].flatMap(text))
    if let wwn = document["wwn"], let authority = wwn["naa"]?.intValue, let vendor = wwn["oui"]?.intValue,
      let number = wwn["id"]?.intValue
    {
      fields.set("LU WWN Device Id", "\(authority) \(padded(vendor, 6, radix: 16)) \(padded(number, 9, radix: 16))")
    }
    fields.set("Firmware Version", document["firmware_version"].flatMap(text))
    if let bytes = document["user_capacity"]?["bytes"]?.intValue, bytes >= 0, !isNVMe {
      fields.set("User Capacity", "\(grouped(bytes)) bytes [\(rounded(bytes))]")
    }
    if let logical = document["logical_block_size"].flatMap(text) {
      let physical = document["physical_block_size"].flatMap(text) ?? logical
      let sizes =
        logical == physical
        ? "\(logical) bytes logical/physical" : "\(logical) bytes logical, \(physical) bytes physical"
      if isSCSI {
        fields.set("Logical block size", "\(logical) bytes")
      } else if !isNVMe {
        fields.set("Sector Size", sizes)
      }
    }
    switch document["rotation_rate"]?.intValue {
    case 0? where !isSCSI: fields.set("Rotation Rate", "Solid State Device")
    case let rate? where rate > 0: fields.set("Rotation Rate", "\(rate) rpm")
    default: break
    }
    fields.set("Form Factor", document["form_factor"]?["name"].flatMap(text))
    fields.set("ATA Version is", document["ata_version"]?["string"].flatMap(text))
    fields.set("SATA Version is", document["sata_version"]?["string"].flatMap(text))
    fields.set("NVMe Version", document["nvme_version"]?["string"].flatMap(text))
    fields.set("Device type", document["device_type"]?["name"].flatMap(text))
    fields.set("Local Time is", document["local_time"]?["asctime"].flatMap(text))
    if let support = document["smart_support"], !isNVMe, let isAvailable = support["available"]?.boolValue {
      let first =
        isAvailable ? "Available - device has SMART capability." : "Unavailable - device lacks SMART capability."
      let second = support["enabled"]?.boolValue.map { $0 ? "Enabled" : "Disabled" }
      fields["SMART support is"] = second.map { [.string(first), .string($0)] } ?? .string(first)
    }
    return fields.json
  }

  private static func capabilities(_ data: JSON) -> [JSON] {
    func entry(_ name: String, _ value: String, _ annotation: [String]) -> JSON {
      ["Name": .string(name), "Value": .string(value), "Annotation": .array(annotation.map { .string($0) })]
    }
    func flags(_ value: JSON?, digits: Int) -> String? {
      value?.intValue.map { "0x\(padded($0, digits, radix: 16))" }
    }
    var entries: [JSON] = []
    let collection = data["offline_data_collection"]
    if let value = flags(collection?["status"]?["value"], digits: 2) {
      let state = collection?["status"]?["string"].flatMap(text) ?? ""
      entries.append(entry("Offline data collection status", value, ["Offline data collection activity \(state)"]))
    }
    let test = data["self_test"]
    if let value = test?["status"]?["value"].flatMap(text) {
      let state = test?["status"]?["string"].flatMap(text)
      entries.append(entry("Self-test execution status", value, state.map { [$0] } ?? []))
    }
    if let seconds = collection?["completion_seconds"].flatMap(text) {
      entries.append(entry("Total time to complete Offline  data collection", seconds, ["seconds"]))
    }
    let values = data["capabilities"]?["values"]
    if let value = flags(values?[0], digits: 2) {
      entries.append(entry("Offline data collection capabilities", value, []))
    }
    if let value = flags(values?[1], digits: 4) { entries.append(entry("SMART capabilities", value, [])) }
    if let isSupported = data["capabilities"]?["error_logging_supported"]?.boolValue {
      entries.append(
        entry(
          "Error logging capability", isSupported ? "0x01" : "0x00",
          ["Error logging \(isSupported ? "" : "NOT ")supported"]))
    }
    // The text has a blank at the end of some of the lines that make a name, hence two blanks.
    for (name, member) in [
      ("Short self-test routine ", "short"), ("Extended self-test routine", "extended"),
      ("Conveyance self-test routine", "conveyance"),
    ] {
      if let minutes = test?["polling_minutes"]?[member].flatMap(text) {
        entries.append(entry("\(name) recommended polling time", minutes, ["minutes"]))
      }
    }
    return entries
  }

  private static func table(_ log: JSON, _ name: String, _ rows: [JSON]) -> JSON {
    var fields = Fields()
    fields.set("Revision", log["revision"].flatMap(text))
    fields[name] = .array(rows)
    return fields.json
  }

  private static func attribute(_ row: JSON) -> JSON {
    var fields = Fields()
    fields.set("ID#", row["id"].flatMap(text))
    fields.set("ATTRIBUTE_NAME", row["name"].flatMap(text))
    fields.set("FLAG", row["flags"]?["value"]?.intValue.map { "0x\(padded($0, 4, radix: 16))" })
    for (key, member) in [("VALUE", "value"), ("WORST", "worst"), ("THRESH", "thresh")] {
      fields.set(key, row[member]?.intValue.map { padded($0, 3) } ?? "---")
    }
    fields.set("TYPE", row["flags"]?["prefailure"]?.boolValue == true ? "Pre-fail" : "Old_age")
    fields.set("UPDATED", row["flags"]?["updated_online"]?.boolValue == true ? "Always" : "Offline")
    let failure = ["now": "FAILING_NOW", "past": "In_the_past"][row["when_failed"].flatMap(text) ?? ""]
    fields.set("WHEN_FAILED", failure ?? "-")
    fields.set("RAW_VALUE", row["raw"]?["string"].flatMap(text))
    return fields.json
  }

  private static func test(_ row: JSON, number: Int) -> JSON {
    var fields = Fields()
    fields.set("Num", "# \(number)")
    fields.set("Test_Description", row["type"]?["string"].flatMap(text))
    fields.set("Status", row["status"]?["string"].flatMap(text))
    fields.set("Remaining", "\(padded(row["status"]?["remaining_percent"]?.intValue ?? 0, 2))%")
    fields.set("LifeTime(hours)", row["lifetime_hours"].flatMap(text))
    fields.set("LBA_of_first_error", row["lba"].flatMap(text) ?? "-")
    return fields.json
  }

  private static func selective(_ log: JSON) -> JSON {
    var fields = Fields()
    fields.set("Revision", log["revision"].flatMap(text))
    let rows = (log["table"]?.arrayValue ?? []).prefix(5).enumerated().map { index, row -> JSON in
      var fields = Fields()
      fields.set("SPAN", "\(index + 1)")
      fields.set("MIN_LBA", row["lba_min"].flatMap(text))
      fields.set("MAX_LBA", row["lba_max"].flatMap(text))
      fields.set("CURRENT_TEST_STATUS", row["status"]?["string"].flatMap(text))
      return fields.json
    }
    fields["Selective Self-test Log Table"] = .array(rows)
    if let value = log["flags"]?["value"]?.intValue {
      fields["Selective self-test flags"] = ["Value": .string("0x\(String(value, radix: 16))"), "Annotation": []]
    }
    return fields.json
  }

  private static func text(_ value: JSON) -> String? {
    switch value {
    case .string(let text), .number(let text): text
    default: nil
    }
  }

  private static func padded(_ number: Int, _ digits: Int, radix: Int = 10) -> String {
    let text = String(number, radix: radix)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }

  /// `2,147,483,648`.
  private static func grouped(_ number: Int) -> String {
    let digits = Array(String(number).utf8)
    var result: [UInt8] = []
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { result.append(UInt8(ascii: ",")) }
      result.append(digit)
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Three digits and a decimal unit, cut as smartctl cuts them: `2.14 GB`.
  private static func rounded(_ bytes: Int) -> String {
    var unit = 1
    var names = ["bytes", "KB", "MB", "GB", "TB", "PB", "EB"][...]
    while bytes / unit >= 1000, names.count > 1 {
      unit *= 1000
      names = names.dropFirst()
    }
    let whole = bytes / unit
    let rest = unit > 1 ? (bytes % unit) * 100 / unit : 0
    let number =
      whole >= 100 || unit == 1 ? "\(whole)" : whole >= 10 ? "\(whole).\(rest / 10)" : "\(whole).\(padded(rest, 2))"
    return "\(number) \(names.first ?? "")"
  }
}

extension JSONObject {
  fileprivate init(_ key: String, _ value: JSON) {
    self.init()
    self[key] = value
  }
}
