import JSONDocument

extension CatalogTool {
  static let lsscsi = CatalogTool(
    name: "lsscsi", source: "lsscsi",
    commands: [
      .exact("sudo lsblk -o KNAME,TYPE,ROTA; echo BREAK; sudo lsscsi --size"), .exact("sudo lsscsi --size"),
    ],
    parse: Lsscsi.parse)

  static let lsblk = CatalogTool(
    name: "lsblk", source: "lsblk",
    commands: [
      .exact("sudo lsblk -b -J -o KNAME,TYPE,SIZE,ROTA,MODEL"),
      .exact("sudo lsblk -b -J -o KNAME,TYPE,SIZE,ROTA,MODEL,SERIAL"),
    ]
  ) { output throws(Unparsable) in
    let document = try JSONOutput.parse(output)
    guard document["blockdevices"]?.arrayValue != nil else { throw Unparsable("lsblk's document has no blockdevices") }
    return ParsedOutput(document)
  }
}

/// `lsscsi --size`: an array with an object for each device.
///
/// Where the output of `lsblk` and a line `BREAK` stand before it, each device that `lsblk` calls a disk also has the
/// boolean `rotational`.
enum Lsscsi {
  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    let lines = OutputText.lines(String(output[...].trimmed))
    var rotational: [Substring: Bool] = [:]
    var devices: [JSON] = []
    var isBehindBreak = !lines.contains("BREAK") && lines.first?.begins(with: "[") == true
    for (index, line) in lines.enumerated() {
      if line == "BREAK" {
        isBehindBreak = true
      } else if isBehindBreak {
        devices.append(try device(line, number: index + 1, rotational))
      } else if index > 0 {
        let columns = line.columns()
        if columns.count > 2, columns[1] == "disk" {
          // As JavaScript's parseInt: a text that does not begin with a digit is no number, which counts as no.
          let digits = columns[2].utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
          rotational[columns[0]] = digits.contains { $0 != UInt8(ascii: "0") }
        }
      }
    }
    return ParsedOutput(.array(devices))
  }

  private static func device(_ line: Substring, number: Int, _ rotational: [Substring: Bool]) throws(Unparsable) -> JSON
  {
    var words = line.words.map { String($0) }
    if words.count > 7 {
      // Only the model's name has blanks.
      words.replaceSubrange(3..<words.count - 3, with: [words[3..<words.count - 3].joined(separator: " ")])
    }
    guard words.count > 5 else {
      throw Unparsable(line: number, "a device has six columns or more, and '\(line.excerpt)' has \(words.count)")
    }
    var fields = Fields()
    let names = [
      "scsiInfo", "peripheralType", "vendorName", "modelName", "revisionString", "devicePath", "size",
    ]
    for (name, word) in zip(names, words) { fields.set(name, word) }
    let path = words[5][...].pieces(between: "/")
    if let isRotational = path.last.flatMap({ rotational[$0] }) { fields["rotational"] = .bool(isRotational) }
    return fields.json
  }
}
