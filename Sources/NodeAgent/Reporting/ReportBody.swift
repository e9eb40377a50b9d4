import HTTPTransport
import JSONDocument
import MonorailProtocol
import SystemFiles

/// The document that goes back to the server: the set as it came, with results in the tasks that ran.
///
/// It is made while it is sent. The outputs stay in their files, so that a report of any size takes the memory of one piece.
final class ReportBody: RequestBody {
  /// The server parses at most 50 MB of JSON.
  static let serverLimit = 50_000_000
  /// The fewest bytes of each output that are worth sending; with so few, every set that is taken fits.
  static let leastOutput = 16
  private static let pieceSize = 64 << 10

  private enum Part {
    case text([UInt8])
    case output(SpooledOutput, limit: Int)
  }

  private var parts: [Part] = []
  private(set) var byteCount = 0
  /// How many bytes of each output it carries at most.
  let outputLimit: Int

  // Where `read` is.
  private var remaining: [Source] = []
  private var ready: [UInt8] = []
  private var offset = 0
  private var escaper = JSONStringEscaper()
  private let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)

  /// - Parameter outputLimit: bytes of each output; it is halved until the report fits the server.
  static func fitting(
    _ set: TaskSet, results: [Int: TaskResult], outputs: (Int) -> TaskOutput<SpooledOutput>, outputLimit: Int
  ) throws(SystemError) -> ReportBody {
    var limit = outputLimit
    while true {
      let body = try ReportBody(set, results: results, outputs: outputs, outputLimit: limit)
      if body.byteCount <= serverLimit || limit <= leastOutput { return body }
      limit /= 2
    }
  }

  private init(
    _ set: TaskSet, results: [Int: TaskResult], outputs: (Int) -> TaskOutput<SpooledOutput>, outputLimit: Int
  )
    throws(SystemError)
  {
    self.outputLimit = outputLimit
    var text = Array("{".utf8)
    for (index, member) in set.document.members.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      JSONStringEscaper.append(member.key, to: &text)
      text.append(UInt8(ascii: ":"))
      if member.key == "tasks" {
        addTasks(set.tasks, results, outputs, &text)
      } else {
        member.value.write(to: &text)
      }
    }
    text.append(UInt8(ascii: "}"))
    parts.append(.text(text))
    try measure()
  }

  deinit { raw.deallocate() }

  private func addTasks(
    _ tasks: [NodeTask], _ results: [Int: TaskResult], _ outputs: (Int) -> TaskOutput<SpooledOutput>,
    _ text: inout [UInt8]
  ) {
    text.append(UInt8(ascii: "["))
    for (index, task) in tasks.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      guard let result = results[index] else {
        JSON.object(task.fields).write(to: &text)
        continue
      }
      var fields = task.fields
      for name in NodeTask.resultFields { fields[name] = nil }
      let output = outputs(index)
      var facts = result.facts
      facts["stdoutCut"] = .integer(output.stdout?.parts(limit: outputLimit).cut ?? 0)
      facts["stderrCut"] = .integer(output.stderr?.parts(limit: outputLimit).cut ?? 0)
      fields["error"] = result.error
      fields["agent"] = .object(facts)
      JSON.object(fields).write(to: &text)
      // The object is open again: the outputs are its last two members.
      text.removeLast()
      add("stdout", output.stdout, &text)
      add("stderr", output.stderr, &text)
      text.append(UInt8(ascii: "}"))
    }
    text.append(UInt8(ascii: "]"))
  }

  private func add(_ name: String, _ spool: SpooledOutput?, _ text: inout [UInt8]) {
    text += ",\"\(name)\":\"".utf8
    if let spool, spool.total > 0 {
      parts.append(.text(text))
      parts.append(.output(spool, limit: outputLimit))
      text = []
    }
    text.append(UInt8(ascii: "\""))
  }

  /// What `read` works through: text that is ready, a stretch of a spool, text to be escaped, and the end of an output.
  private enum Source {
    case text([UInt8])
    case stretch(SpooledOutput, Range<Int>)
    case note(String)
    case endOfOutput
  }

  func rewind() {
    remaining = parts.flatMap { part -> [Source] in
      switch part {
      case .text(let bytes): return [.text(bytes)]
      case .output(let spool, let limit):
        let (head, cut, tail) = spool.parts(limit: limit)
        let note = "\n[monorail-agent: \(cut) bytes are cut out here]\n"
        return head.map { .stretch(spool, $0) } + (cut > 0 ? [.note(note)] : []) + tail.map { .stretch(spool, $0) }
          + [.endOfOutput]
      }
    }.reversed()
    (ready, offset) = ([], 0)
    escaper = JSONStringEscaper()
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var written = 0
    while written < buffer.count {
      if offset == ready.count {
        guard try refill() else { break }
        continue
      }
      let count = min(ready.count - offset, buffer.count - written)
      ready.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: buffer[written...]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[offset..<(offset + count)]))
      }
      written += count
      offset += count
    }
    return written
  }

  /// Makes the next piece ready; `false` at the end.
  private func refill() throws(SystemError) -> Bool {
    ready.removeAll(keepingCapacity: true)
    offset = 0
    guard let source = remaining.popLast() else { return false }
    switch source {
    case .text(let bytes):
      ready = bytes
    case .note(let text):
      Array(text.utf8).withUnsafeBytes { escaper.write($0, to: &ready) }
    case .endOfOutput:
      escaper.finish(to: &ready)
    case .stretch(let spool, let range):
      let piece = UnsafeMutableRawBufferPointer(rebasing: raw[..<min(raw.count, range.count)])
      let count = try spool.read(into: piece, at: range.lowerBound)
      // A spool that has lost its end reads as zeroes: the length was promised.
      if count == 0, !range.isEmpty { piece.initializeMemory(as: UInt8.self, repeating: 0) }
      let taken = count == 0 ? piece.count : count
      escaper.write(UnsafeRawBufferPointer(rebasing: piece[..<taken]), to: &ready)
      if range.count > taken { remaining.append(.stretch(spool, (range.lowerBound + taken)..<range.upperBound)) }
    }
    return true
  }

  private func measure() throws(SystemError) {
    rewind()
    byteCount = 0
    // How much too long it is does not matter, unless it is sent all the same.
    let bound = outputLimit <= Self.leastOutput ? Int.max : Self.serverLimit
    while byteCount <= bound, try refill() { byteCount += ready.count }
  }
}
