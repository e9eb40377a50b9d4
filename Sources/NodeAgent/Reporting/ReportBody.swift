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
  /// The fewest bytes of each output that are worth sending. With so few, every set that is taken fits.
  static let leastOutput = 16
  private static let pieceSize = 16 << 10

  /// How many bytes of each output it carries at most.
  let outputLimit: Int
  /// How many bytes of its longest output it carries.
  private(set) var longestOutput = 0
  private(set) var byteCount = 0
  /// Why the last `read` returned `nil`: an output could not be read back.
  private(set) var failure: SystemError?

  private var parts: [Part] = []
  /// The part that `read` is at, and how far it is in that part.
  private var next = 0
  private var position = 0
  private var escaper = JSONStringEscaper()
  private let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)
  /// The next bytes of the document, and which of them have not been read yet.
  private let ready = UnsafeMutableRawBufferPointer.allocate(
    byteCount: JSONStringEscaper.room(for: pieceSize), alignment: 16)
  private var unread = 0..<0

  private enum Part {
    /// A piece of the document.
    case text([UInt8])
    /// Bytes of an output's file, to be escaped.
    case stretch(SpooledOutput, Range<Int>)
    /// A line of ours within an output, to be escaped.
    case note(String)
    case endOfOutput
  }

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
  ) throws(SystemError) {
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
    byteCount = try measure()
  }

  deinit {
    raw.deallocate()
    ready.deallocate()
  }

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
      let output = outputs(index)
      let cut = TaskOutput(
        stdout: output.stdout?.parts(limit: outputLimit).cut, stderr: output.stderr?.parts(limit: outputLimit).cut)
      JSON.object(result.fields(of: task, cut: cut)).write(to: &text)
      // Without its closing brace the object takes two more members: the outputs.
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
      let (head, cut, tail) = spool.parts(limit: outputLimit)
      parts.append(.text(text))
      for range in head { parts.append(.stretch(spool, range)) }
      if cut > 0 { parts.append(.note("\n[monorail-agent: \(cut) bytes are cut out here]\n")) }
      for range in tail { parts.append(.stretch(spool, range)) }
      longestOutput = max(longestOutput, (head + tail).reduce(0) { $0 + $1.count })
      parts.append(.endOfOutput)
      text = []
    }
    text.append(UInt8(ascii: "\""))
  }

  // MARK: Measuring

  /// The document's size in bytes. Escapes nothing: it only counts what escaping would give.
  private func measure() throws(SystemError) -> Int {
    var escaper = JSONStringEscaper()
    var count = 0
    // A report that is too long is not measured to its end, unless it cannot be made shorter and is sent as it is.
    let bound = outputLimit <= Self.leastOutput ? Int.max : Self.serverLimit
    for part in parts where count <= bound {
      switch part {
      case .text(let bytes): count += bytes.count
      case .note(let text): count += Array(text.utf8).withUnsafeBytes { escaper.size(of: $0) }
      case .endOfOutput: count += escaper.sizeOfEnd()
      case .stretch(let spool, let range):
        var start = range.lowerBound
        while start < range.upperBound, count <= bound {
          let piece = try piece(of: spool, start..<range.upperBound)
          count += escaper.size(of: piece)
          start += piece.count
        }
      }
    }
    return count
  }

  // MARK: Sending

  func rewind() {
    (next, position, unread) = (0, 0, 0..<0)
    escaper = JSONStringEscaper()
    failure = nil
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    var written = 0
    while written < buffer.count {
      if unread.isEmpty {
        do throws(SystemError) {
          guard try refill() else { break }
        } catch {
          failure = error
          return nil
        }
        continue
      }
      let piece = UnsafeRawBufferPointer(rebasing: ready[unread.prefix(buffer.count - written)])
      UnsafeMutableRawBufferPointer(rebasing: buffer[written...]).copyMemory(from: piece)
      written += piece.count
      unread = unread.dropFirst(piece.count)
    }
    return written
  }

  /// Makes the next bytes of the document ready; `false` at its end.
  private func refill() throws(SystemError) -> Bool {
    guard next < parts.count, let start = ready.baseAddress else { return false }
    var isWhole = true
    switch parts[next] {
    case .text(let bytes):
      let piece = bytes[position...].prefix(ready.count)
      ready.copyBytes(from: piece)
      unread = 0..<piece.count
      position += piece.count
      isWhole = position == bytes.count
    case .note(let text): unread = 0..<Array(text.utf8).withUnsafeBytes { escaper.write($0, to: start) }
    case .endOfOutput: unread = 0..<escaper.finish(to: start)
    case .stretch(let spool, let range):
      let piece = try piece(of: spool, (range.lowerBound + position)..<range.upperBound)
      unread = 0..<escaper.write(piece, to: start)
      position += piece.count
      isWhole = position == range.count
    }
    if isWhole { (next, position) = (next + 1, 0) }
    return true
  }

  /// Reads the beginning of a stretch.
  private func piece(of spool: SpooledOutput, _ range: Range<Int>) throws(SystemError) -> UnsafeRawBufferPointer {
    let room = UnsafeMutableRawBufferPointer(rebasing: raw[..<min(raw.count, range.count)])
    let count = try spool.read(into: room, at: range.lowerBound)
    if count > 0 || range.isEmpty { return UnsafeRawBufferPointer(rebasing: room[..<count]) }
    // The file lost its end after it was measured. The bytes that were promised are sent as zeroes.
    room.initializeMemory(as: UInt8.self, repeating: 0)
    return UnsafeRawBufferPointer(room)
  }
}

extension TaskResult {
  /// The task's object in the report, but for the two outputs.
  ///
  /// - Parameter cut: how many bytes of each output the report leaves out.
  fileprivate func fields(of task: NodeTask, cut: TaskOutput<Int>) -> JSONObject {
    var fields = task.fields
    for name in NodeTask.resultFields { fields[name] = nil }
    var facts = facts
    facts["stdoutCut"] = .integer(cut.stdout ?? 0)
    facts["stderrCut"] = .integer(cut.stderr ?? 0)
    fields["error"] = error
    fields["agent"] = .object(facts)
    return fields
  }
}
