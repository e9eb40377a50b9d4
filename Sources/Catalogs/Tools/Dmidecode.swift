import JSONDocument

extension CatalogTool {
  static let dmidecode = CatalogTool(
    name: "dmidecode", source: "dmi", commands: [.exact("sudo dmidecode")], failsTask: true, parse: Dmidecode.parse)
}

/// `dmidecode`: for each section a member with its title, an object; from the title's second section on, an array of them.
///
/// A value ends at the next colon. The lines below a title without a value, or with a count, are an array.
enum Dmidecode {
  private struct Section {
    var fields = Fields()
    /// The lists; each of them also is a member of `fields`, as an empty array.
    var lists: [String: [JSON]] = [:]
    /// The key that a line without a colon belongs to.
    var key: String?

    var json: JSON {
      var result = fields
      for (key, items) in lists { result[key] = .array(items) }
      return result.json
    }
  }

  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    let lines = OutputText.lines(output)
    // As stock parsers do it: without an end, the last line is taken for cut off.
    let end = lines.lastIndex { $0 == "End Of Table" } ?? lines.count - 1
    guard let start = lines.firstIndex(where: { $0.begins(with: "Handle") }), start < end else {
      return ParsedOutput([:])
    }

    var sections: [String: [Section]] = [:]
    var titles: [String] = []
    var title: String?
    for index in start..<end {
      let line = lines[index]
      if line.begins(with: "Handle") { continue }
      guard !line.isEmpty else {
        title = nil
        continue
      }
      let isInside = title != nil && line.utf8.first == UInt8(ascii: "\t")
      if !isInside, title == nil || line.utf8.last != UInt8(ascii: ":") {
        let name = String(line.trimmed)
        if sections[name] == nil { titles.append(name) }
        // A title right behind another section, without an empty line, begins anew.
        if title == nil { sections[name, default: []].append(Section()) } else { sections[name] = [Section()] }
        title = name
        continue
      }
      guard let title, let last = sections[title]?.indices.last else { continue }
      try add(line, number: index + 1, to: &sections[title, default: []][last])
    }

    var result = Fields()
    for title in titles {
      let values = (sections[title] ?? []).map(\.json)
      result[title] = values.count == 1 ? values.first : .array(values)
    }
    return ParsedOutput(result.json)
  }

  private static func add(_ line: Substring, number: Int, to section: inout Section) throws(Unparsable) {
    let (key, value) = line.pair(at: ":")
    let name = String(key.trimmed)
    if line.utf8.last == UInt8(ascii: ":") {
      section.fields[name] = []
      section.lists[name] = []
      section.key = name
    } else if let value {
      section.fields.set(name, value.trimmed)
      section.lists[name] = nil
      section.key = name
    } else if let list = section.key, section.lists[list] != nil || isCount(section.fields[list]) {
      section.lists[list, default: []].append(.string(name))
    } else {
      throw Unparsable(line: number, "'\(line.trimmed.excerpt)' belongs to no list")
    }
  }

  /// `Installable Languages: 1`: the lines below it are those that are counted.
  private static func isCount(_ value: JSON?) -> Bool {
    guard case .string(let text)? = value else { return false }
    let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return digits.contains { $0 != UInt8(ascii: "0") }
  }
}
