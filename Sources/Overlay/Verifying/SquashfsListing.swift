/// Reads what `unsquashfs -lln -d MARK IMAGE` prints: one line an entry, as `ls -l` would, each name behind the mark.
///
///     lrwxrwxrwx 0/0                       7 2026-11-23 12:20 MARK/bin -> usr/bin
///
/// A name may hold any byte, also a newline. So a line begins an entry only when it has all columns that stand before a name,
/// and then the mark, which is a random number that no image can hold on purpose. Every other line continues the name in the
/// line before. The size of a symlink tells where its target begins.
struct SquashfsListing {
  private let mark: [UInt8]
  private var nodes: [OverlayPath: MergedTree.Node] = [:]
  private var pending: [UInt8] = []
  private var rest: [UInt8] = []

  init(mark: String) { self.mark = Array(mark.utf8) }

  mutating func add(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) {
    rest += bytes
    var start = rest.startIndex
    while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
      try addLine(rest[start..<end])
      start = end + 1
    }
    rest.removeSubrange(..<start)
  }

  mutating func finish() throws(OverlayError) -> [OverlayPath: MergedTree.Node] {
    if !rest.isEmpty { try addLine(rest[...]) }
    try flush()
    return nodes
  }

  private mutating func addLine(_ line: ArraySlice<UInt8>) throws(OverlayError) {
    if nameStart(line) != nil {
      try flush()
      pending = Array(line)
    } else if !pending.isEmpty {
      pending.append(UInt8(ascii: "\n"))
      pending += line
    }
  }

  /// Where the mark ends, in a line that begins an entry.
  private func nameStart(_ line: ArraySlice<UInt8>) -> Int? {
    guard line.count > 30, let type = line.first, "-dlbcps".utf8.contains(type) else { return nil }
    // "2026-11-23 12:20 " is right before the mark; the year may be longer.
    let limit = min(line.endIndex, line.startIndex + 120)
    var index = line.startIndex + 10
    while index + mark.count <= limit {
      if line[index] == mark[0], line[(index - 1)] == UInt8(ascii: " "),
        line[index..<(index + mark.count)].elementsEqual(mark)
      {
        let end = index + mark.count
        return end == line.endIndex || line[end] == UInt8(ascii: "/") ? end : nil
      }
      index += 1
    }
    return nil
  }

  private mutating func flush() throws(OverlayError) {
    defer { pending = [] }
    guard !pending.isEmpty, let start = nameStart(pending[...]) else { return }
    var name = pending[start...].dropFirst()
    let fields = pending[..<start].split(separator: UInt8(ascii: " "))
    let kind: MergedTree.Node.Kind
    switch pending[0] {
    case UInt8(ascii: "-"): kind = .file
    case UInt8(ascii: "d"): kind = .directory
    case UInt8(ascii: "l"):
      guard fields.count > 2, let size = Int(String(decoding: fields[2], as: UTF8.self)), size <= name.count - 4 else {
        throw OverlayError("unsquashfs lists a symlink without its target: \(OverlayPath.printable(pending))")
      }
      kind = .symlink(target: Array(name.suffix(size)))
      name = name.dropLast(size + 4)
    // A whiteout in the base hides its name from the node too.
    case UInt8(ascii: "c") where isWhiteout(fields): return
    default: kind = .other
    }
    let path = name.isEmpty ? OverlayPath.root : try OverlayPath(archiveName: name)
    let (owner, group) = try owners(fields)
    nodes[path] = MergedTree.Node(
      path: path, kind: kind, permissions: permissions, owner: owner, group: group, layer: .base)
    if kind == .file, fields.count > 2 { nodes[path]?.size = Int(String(decoding: fields[2], as: UTF8.self)) ?? 0 }
  }

  /// A device's numbers stand in the place of the size: `0,  0`.
  private func isWhiteout(_ fields: [ArraySlice<UInt8>]) -> Bool {
    fields.count > 3 && fields[2].elementsEqual("0,".utf8) && fields[3].elementsEqual("0".utf8)
  }

  /// `0/0`
  private func owners(_ fields: [ArraySlice<UInt8>]) throws(OverlayError) -> (owner: UInt32, group: UInt32) {
    let numbers = fields.count > 1 ? fields[1].split(separator: UInt8(ascii: "/")) : []
    guard numbers.count == 2, let owner = UInt32(String(decoding: numbers[0], as: UTF8.self)),
      let group = UInt32(String(decoding: numbers[1], as: UTF8.self))
    else { throw OverlayError("unsquashfs lists an entry without its owner: \(OverlayPath.printable(pending))") }
    return (owner, group)
  }

  /// Twelve bits of the nine letters of `rwxr-xr-x`; set-user-id, set-group-id and sticky stand in the place of an x.
  private var permissions: UInt32 {
    var bits = pending[1...9].reduce(UInt32(0)) { $0 << 1 | ("-ST".utf8.contains($1) ? 0 : 1) }
    for (place, bit) in [(3, UInt32(0o4000)), (6, 0o2000), (9, 0o1000)] where "sStT".utf8.contains(pending[place]) {
      bits |= bit
    }
    return bits
  }
}
