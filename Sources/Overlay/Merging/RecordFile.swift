/// A file of a package manager that has a record for each package, or for each name: installing a package changes one record
/// of many, so that of two such files neither may replace the other.
struct RecordFile {
  enum Format {
    /// Records of fields, with an empty line behind each (deb822(5)).
    case paragraphs
    /// Records of as many lines.
    case lines(Int)
  }

  /// The files of dpkg(1) and apt(8) that are so.
  static func format(of path: OverlayPath) -> Format? {
    switch String(decoding: path.bytes, as: UTF8.self) {
    case status, "var/lib/apt/extended_states": .paragraphs
    case "var/lib/dpkg/diversions": .lines(3)
    case "var/lib/dpkg/statoverride", "var/lib/dpkg/triggers/File": .lines(1)
    default: nil
    }
  }

  static let status = "var/lib/dpkg/status"

  struct Record: Equatable {
    /// Of a paragraph the package's name, with the architecture where the package can be installed for several at once; of
    /// lines the first one.
    let key: [UInt8]
    let lines: [ArraySlice<UInt8>]

    static func == (left: Record, right: Record) -> Bool { left.lines == right.lines }
  }

  private(set) var records: [Record] = []
  private let separator: [UInt8]

  init(_ bytes: [UInt8], _ format: Format) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    switch format {
    case .paragraphs:
      separator = [UInt8(ascii: "\n")]
      for paragraph in lines.split(whereSeparator: \.isEmpty) {
        records.append(Record(key: Self.key(of: paragraph), lines: Array(paragraph)))
      }
    case .lines(let count):
      separator = []
      var rest = lines.filter { !$0.isEmpty }[...]
      while let first = rest.first {
        records.append(Record(key: Array(first), lines: Array(rest.prefix(count))))
        rest = rest.dropFirst(count)
      }
    }
  }

  var bytes: [UInt8] {
    records.flatMap { record in record.lines.flatMap { $0 + [UInt8(ascii: "\n")] } + separator }
  }

  private static func key(of paragraph: ArraySlice<ArraySlice<UInt8>>) -> [UInt8] {
    func value(_ field: String) -> ArraySlice<UInt8> {
      paragraph.first { $0.starts(with: field.utf8) }?.dropFirst(field.utf8.count).drop { $0 == UInt8(ascii: " ") }
        ?? []
    }
    let name = Array(value("Package:"))
    // apt's extended_states has a record for each architecture, and no field that tells which packages can have several.
    let hasArchitecture = value("Multi-Arch:").elementsEqual("same".utf8) || value("Status:").isEmpty
    return hasArchitecture ? name + Array(":".utf8) + value("Architecture:") : name
  }

  /// Makes one file of several that come from a common one: what each of them has changed, added or removed.
  ///
  /// - Parameters:
  ///   - root: the common one.
  ///   - layers: in the order in which they are laid; of two that changed one record, the later wins.
  static func combined(_ layers: [RecordFile], since root: RecordFile) -> RecordFile {
    let old = root.byKey
    var changes: [[UInt8]: Record?] = [:]
    var order = root.records.map(\.key)
    for layer in layers {
      let new = layer.byKey
      for record in layer.records where old[record.key] != record {
        if old[record.key] == nil, changes[record.key] == nil { order.append(record.key) }
        changes[record.key] = .some(record)
      }
      for record in root.records where new[record.key] == nil { changes[record.key] = .some(nil) }
    }
    var result = root
    result.records = order.compactMap { key in
      if let change = changes[key] { return change }
      return old[key]
    }
    return result
  }

  /// Makes one file of several without the common one that they come from: it has every record of each of them. Whether a
  /// file that lacks a record has removed it or never had it cannot be told: the record stays.
  ///
  /// - Parameters:
  ///   - layers: at least one, in the order in which they are laid.
  ///   - isOwn: whether the layer of that number is known to have made the record of that key; of several that did, and of
  ///     several of which none did, the last one's is taken.
  static func combined(_ layers: [RecordFile], isOwn: (Int, [UInt8]) -> Bool) -> RecordFile {
    var order: [[UInt8]] = []
    var chosen: [[UInt8]: (record: Record, isOwn: Bool)] = [:]
    for (number, layer) in layers.enumerated() {
      for record in layer.records {
        let isOwn = isOwn(number, record.key)
        if let other = chosen[record.key], other.isOwn, !isOwn { continue }
        if chosen.updateValue((record, isOwn), forKey: record.key) == nil { order.append(record.key) }
      }
    }
    var result = layers[0]
    result.records = order.compactMap { chosen[$0]?.record }
    return result
  }

  mutating func remove(where isGone: ([UInt8]) -> Bool) { records.removeAll { isGone($0.key) } }

  private var byKey: [[UInt8]: Record] { Dictionary(records.map { ($0.key, $0) }) { $1 } }
}
