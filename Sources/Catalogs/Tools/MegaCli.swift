import JSONDocument

extension CatalogTool {
  static let megaCLI = CatalogTool(
    name: "megacli", source: "megaraid", commands: [.exact("/opt/MegaRAID/MegaCli/MegaCli64 -AdpAllInfo -aALL")],
    parse: MegaCli.parse)
}

/// `MegaCli64 -AdpAllInfo -aALL`: for each adapter a member `Adapter N`, in it for each section an object.
///
/// No stock parser is known for it; a section is an object of texts, as in stock catalogs. A title has a line of `=` below it.
/// Values go on to the end of the line.
enum MegaCli {
  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    let lines = OutputText.lines(output).map(\.trimmed)
    var adapters = Fields()
    var adapter: (name: String, sections: Fields)?
    var section: (name: String, fields: Fields)?

    func finishSection() {
      if let section { adapter?.sections[section.name] = section.fields.json }
      section = nil
    }
    func finishAdapter() {
      finishSection()
      if let adapter { adapters[adapter.name] = adapter.sections.json }
      adapter = nil
    }

    for (index, line) in lines.enumerated() {
      if line.begins(with: "Adapter #") {
        finishAdapter()
        adapter = ("Adapter \(line.dropFirst(9))", Fields())
      } else if isRule(line) || line.isEmpty {
        continue
      } else if index + 1 < lines.count, isRule(lines[index + 1]) {
        finishSection()
        section = (String(line), Fields())
      } else {
        let (key, value) = line.halves(at: ":")
        if let value { section?.fields.set(key.trimmed, value.trimmed) }
      }
    }
    finishAdapter()
    guard !adapters.isEmpty else { throw Unparsable("there is no line 'Adapter #N'") }
    return ParsedOutput(adapters.json)
  }

  private static func isRule(_ line: Substring) -> Bool {
    line.utf8.count > 1 && line.utf8.allSatisfy { $0 == UInt8(ascii: "=") }
  }
}
