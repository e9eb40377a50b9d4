import JSONDocument

extension CatalogTool {
  private static func commands(_ arguments: String) -> [CommandPattern] {
    [
      .exact("sudo /opt/MegaRAID/storcli/storcli64 \(arguments)"),
      .exact("sudo /opt/MegaRAID/perccli/perccli64 \(arguments)"),
    ]
  }

  static let megaraidCount = CatalogTool(
    name: "storcli-count", source: "megaraid-controller-count", commands: commands("show ctrlcount J"),
    parse: Storcli.count)

  static let megaraidControllers = CatalogTool(
    name: "storcli-controllers", source: "megaraid-controllers", commands: commands("/c0 show all J"),
    parse: Storcli.document)

  static let megaraidDrives = CatalogTool(
    name: "storcli-drives", source: "megaraid-physical-drives", commands: commands("/c0 /eall /sall show all J"),
    parse: Storcli.document)

  static let megaraidVolumes = CatalogTool(
    name: "storcli-volumes", source: "megaraid-virtual-disks", commands: commands("/c0 /vall show all J"),
    parse: Storcli.document)

  static let perccliVersion = CatalogTool(
    name: "perccli-version", source: "perccli-version", commands: [.exact("sudo /opt/MegaRAID/perccli/perccli64 -v")],
    parse: Storcli.version)
}

/// `storcli64`, and Dell's edition of it, `perccli64`: JSON as it is.
enum Storcli {
  static func count(_ output: String) throws(Unparsable) -> ParsedOutput {
    let document = try JSONOutput.parse(output)
    guard let response = document["Controllers"]?[0]?["Response Data"] else {
      throw Unparsable("the document has no Controllers[0].Response Data")
    }
    let isNone = response["Controller Count"]?.intValue == 0
    return ParsedOutput(document, absence: isNone ? "there is no RAID controller" : nil)
  }

  static func document(_ output: String) throws(Unparsable) -> ParsedOutput {
    let document = try JSONOutput.parse(output)
    guard let status = document["Controllers"]?[0]?["Command Status"] else {
      throw Unparsable("the document has no Controllers[0].Command Status")
    }
    guard status["Status"] == "Failure" else { return ParsedOutput(document) }
    let description = status["Description"]?.stringValue.map { ": \($0)" } ?? ""
    return ParsedOutput(document, absence: "the tool says Failure\(description)")
  }

  /// `-v`: `version`, `description` (the line with the version) and `copyright`. The third line that is not empty counts
  /// for nothing. Runs of blanks are taken out.
  static func version(_ output: String) throws(Unparsable) -> ParsedOutput {
    var fields = Fields()
    for (index, line) in OutputText.filledLines(output).map(\.text).enumerated() where index != 2 {
      let text = line.columns(apart: 2).joined()
      if line.has("Ver") {
        let words = line.words
        if let place = words.firstIndex(of: "Ver"), place + 1 < words.count { fields.set("version", words[place + 1]) }
        fields.set("description", text)
      } else {
        fields.set("copyright", text)
      }
    }
    return ParsedOutput(fields.json)
  }
}
