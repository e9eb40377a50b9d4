import JSONDocument

/// The text of `smartctl --all` for one disk, as an object of its sections. Empty lines part sections; those that are not
/// known are texts in the array `Un-parsed Raw Data`.
enum SmartText {
  static func parse(_ lines: ArraySlice<Substring>, _ budget: inout ValueBudget) throws(Unparsable) -> JSON {
    var fields = Fields()
    var unknown: [JSON] = []
    for section in lines.split(whereSeparator: { $0.trimmed.isEmpty }) {
      var lines = Array(section)
      lines[0] = Substring(lines[0].utf8.drop { $0.isWhiteSpace })
      lines[lines.count - 1] = lines[lines.count - 1].trimmedAtEnd
      let title = lines[0]
      if title.begins(with: "smartctl ") {
        continue
      } else if title.begins(with: "=== START OF INFORMATION SECTION ===") {
        fields["Identity"] = values(lines)
      } else if title.begins(with: "=== START OF READ SMART DATA SECTION ===") {
        fields["Self-Assessment"] = values(lines)
      } else if title.begins(with: "General SMART Values") {
        fields["Capabilities"] = .array(capabilities(lines))
      } else if title.begins(with: "SMART Attributes Data Structure revision number:") {
        let table = try SmartTable.rows(lines, header: 2, gap: 1, &budget)
        fields["Attributes"] = ["Revision": revision(title), "Attributes Table": .array(table)]
      } else if title.begins(with: "SMART Error Log Version:") {
        fields["Error Log"] = ["Revision": revision(title), "Error Log Table": []]
      } else if title.begins(with: "SMART Self-test log structure revision number") {
        let isEmpty = lines.count > 1 && lines[1].begins(with: "No self-tests have been logged")
        let table = isEmpty ? [] : try SmartTable.rows(lines, header: 1, gap: 2, &budget)
        fields["Self-test Log"] = ["Revision": revision(title), "Self-test Log Table": .array(table)]
      } else if title.begins(with: "SMART Selective self-test log data structure revision number") {
        fields["Selective Self-test Log"] = try selective(lines, &budget)
      } else {
        let text = lines.map { String($0) }.joined(separator: "\n")
        unknown.append(.string(String(text[...].trimmed)))
      }
    }
    if !unknown.isEmpty { fields["Un-parsed Raw Data"] = .array(unknown) }
    return fields.json
  }

  /// The word behind the last blank.
  private static func revision(_ line: Substring) -> JSON {
    .string(String(line.trimmed.pieces(between: " ").last ?? ""))
  }

  /// The lines below the title, as keys and values; a line without a colon under `Others`. A key that comes again makes an
  /// array.
  private static func values(_ lines: [Substring]) -> JSON {
    var lists: [String: [JSON]] = [:]
    var keys: [String] = []
    for line in lines.dropFirst() {
      let (key, value) = line.halves(at: ":")
      let name = value == nil ? "Others" : String(key)
      if lists[name] == nil { keys.append(name) }
      lists[name, default: []].append(.string(String(value?.trimmed ?? line)))
    }
    var fields = Fields()
    for key in keys {
      guard let list = lists[key] else { continue }
      fields[key] = list.count == 1 ? list[0] : .array(list)
    }
    return fields.json
  }

  /// Entries that go over several lines: a name, a value in parentheses, and sentences.
  private static func capabilities(_ lines: [Substring]) -> [JSON] {
    var entries: [String] = []
    for line in lines.dropFirst() {
      let isStart = line.utf8.first.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } == true
      if isStart {
        entries.append(String(line))
      } else if entries.isEmpty {
        entries.append(" \(line.trimmed)")
      } else {
        let end = entries.count - 1
        if entries[end].utf8.last != UInt8(ascii: ".") { entries[end] += " " }
        entries[end] += line.trimmed
      }
    }
    return entries.map(capability)
  }

  private static func capability(_ entry: String) -> JSON {
    guard let (name, value, rest) = value(in: entry[...], isBehindColon: true) else {
      return ["Name": .string(entry), "Value": "", "Annotation": []]
    }
    // A second value in the same entry ends the sentences.
    let text = SmartText.value(in: rest, isBehindColon: true)?.0 ?? rest
    var sentences = text.isEmpty ? [] : text.pieces(between: ".")
    if sentences.last?.isEmpty == true { sentences.removeLast() }
    return [
      "Name": .string(String(name)), "Value": .string(String(value)),
      "Annotation": .array(sentences.map { .string(String($0)) }),
    ]
  }

  /// The first value in parentheses, with a colon before it or behind it, and what stands around both.
  private static func value(in text: Substring, isBehindColon: Bool) -> (Substring, Substring, Substring)? {
    var rest = text
    while let open = rest.utf8.place(of: "(".utf8) {
      let inner = text[open.upperBound...]
      rest = inner
      let word = Substring(inner.utf8.drop { $0.isWhiteSpace }.prefix(while: isWordByte))
      let end = inner[word.endIndex...]
      guard !word.isEmpty, end.begins(with: ")") else { continue }
      let before = text[text.startIndex..<open.lowerBound]
      let behind = Substring(end.utf8.dropFirst())
      if isBehindColon {
        let name = before.trimmedAtEnd
        guard name.utf8.last == UInt8(ascii: ":") else { continue }
        return (name.dropLastByte(), word, Substring(behind.utf8.drop { $0.isWhiteSpace }))
      }
      guard behind.begins(with: ":") else { continue }
      return (before.trimmedAtEnd, word, Substring(behind.utf8.dropFirst()))
    }
    return nil
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    let scalar = Unicode.Scalar(byte)
    return scalar == "_" || scalar.isASCII && scalar.properties.isAlphabetic || (0x30...0x39).contains(byte)
  }

  private static func selective(_ lines: [Substring], _ budget: inout ValueBudget) throws(Unparsable) -> JSON {
    var fields = Fields()
    fields["Revision"] = revision(lines[0])
    let hasTable = lines.count > 1 && !lines[1].begins(with: "No ")
    let end = lines.firstIndex { $0.begins(with: "Selective self-test flags") } ?? lines.count
    let table = hasTable ? try SmartTable.rows(Array(lines[..<end]), header: 1, gap: 2, &budget) : []
    fields["Selective Self-test Log Table"] = .array(table)
    let place = table.count + 2
    if place < lines.count {
      let parts = value(in: lines[place], isBehindColon: false)
      var flags = Fields()
      flags.set("Value", parts?.1)
      flags["Annotation"] = .array(lines[(place + 1)...].map { .string(String($0.trimmed)) })
      fields[String(parts?.0 ?? lines[place])] = flags.json
    }
    return fields.json
  }
}

/// A table of `smartctl`: a line with the names of the columns, and a line for each row.
enum SmartTable {
  /// - Parameters:
  ///   - header: the place of the line with the names.
  ///   - gap: how many blanks part the columns of a row, at least.
  static func rows(
    _ lines: [Substring], header: Int, gap: Int, _ budget: inout ValueBudget
  ) throws(Unparsable) -> [JSON] {
    guard lines.count > header + 1 else { return [] }
    let names = cells(lines[header], gap: 1).map { String($0) }
    guard let last = names.indices.last else { return [] }
    return try lines[(header + 1)...].map { line throws(Unparsable) in
      try budget.take(names.count)
      let cells = cells(line, gap: gap)
      var row = Fields()
      for (name, cell) in zip(names[..<last], cells) { row.set(name, cell) }
      // What is more than there are names belongs to the last column: `31 (Min/Max 31/31)`.
      row.set(names[last], cells.dropFirst(last).joined(separator: " "))
      return row.json
    }
  }

  private static func cells(_ line: Substring, gap: Int) -> ArraySlice<Substring> {
    let cells = line.columns(apart: gap)
    return cells.first?.trimmed.isEmpty == true ? cells.dropFirst() : cells[...]
  }
}

extension Substring {
  var trimmedAtEnd: Substring {
    var text = self
    while let last = text.utf8.last, last.isWhiteSpace { text = text.dropLastByte() }
    return text
  }
}
