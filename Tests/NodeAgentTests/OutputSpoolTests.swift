import Foundation
import JSONDocument
import MonorailProtocol
import Testing

@testable import NodeAgent

extension OutputSpool {
  func append(_ text: some Collection<UInt8>) { Array(text).withUnsafeBytes { append($0) } }
}

extension SpooledOutput {
  /// The first and the last part of what is kept.
  fileprivate func text(limit: Int) throws -> (head: String, cut: Int, tail: String) {
    func read(_ ranges: [Range<Int>]) throws -> String {
      var bytes: [UInt8] = []
      for range in ranges {
        var piece = [UInt8](repeating: 0, count: range.count)
        #expect(try piece.withUnsafeMutableBytes { try self.read(into: $0, at: range.lowerBound) } == range.count)
        bytes += piece
      }
      return String(decoding: bytes, as: UTF8.self)
    }
    let parts = parts(limit: limit)
    return (try read(parts.head), parts.cut, try read(parts.tail))
  }
}

@Suite struct OutputSpoolTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  @Test("keeps the first and the last half, whatever the size of the pieces", arguments: [1, 2, 3, 7, 10, 11, 26])
  func halves(size: Int) throws {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz".utf8)
    for count in 0...26 {
      let spool = try OutputSpool("\(directory.path)/\(count)", limit: 10)
      for start in stride(from: 0, to: count, by: size) { spool.append(alphabet[start..<min(start + size, count)]) }
      let spooled = try #require(SpooledOutput("\(directory.path)/\(count)"))
      for limit in [10, 4] {
        let (head, cut, tail) = try spooled.text(limit: limit)
        let kept = head + tail
        #expect(kept.utf8.count + cut == count)
        #expect(cut == max(0, count - limit))
        #expect(String(decoding: alphabet[..<count], as: UTF8.self).hasPrefix(head))
        #expect(String(decoding: alphabet[..<count], as: UTF8.self).hasSuffix(tail))
      }
    }
  }

  @Test("another agent reads what the first one kept, and goes on with it")
  func reopened() throws {
    let path = directory.path + "/s"
    try OutputSpool(path, limit: 10).append("abcdefghijklmnopqrstuvwxyz".utf8)
    #expect(try #require(SpooledOutput(path)).text(limit: 10) == ("abcde", 16, "vwxyz"))
    let reopened = try #require(OutputSpool(reopening: path))
    #expect(reopened.total == 26)
    reopened.append("0123456".utf8)
    #expect(try #require(SpooledOutput(path)).text(limit: 10) == ("abcde", 23, "23456"))
    _ = try OutputSpool(path, limit: 10)
    #expect(try #require(SpooledOutput(path)).text(limit: 10) == ("", 0, ""))
  }

  @Test(
    "a file that is no spool is none",
    arguments: ["", "short", "0123456789abcdef01234567"])
  func noSpool(contents: String) throws {
    let path = directory.path + "/s"
    try contents.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(SpooledOutput(path) == nil)
    #expect(OutputSpool(reopening: path) == nil)
    #expect(SpooledOutput(directory.path + "/absent") == nil)
  }
}

@Suite struct ReportBodyTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func text(_ body: ReportBody, piece: Int) throws -> [UInt8] {
    body.rewind()
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: piece)
    while true {
      let count = try #require(buffer.withUnsafeMutableBytes { body.read(into: $0) })
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  private func spool(_ name: String, _ bytes: [UInt8], limit: Int = 1 << 20) throws -> SpooledOutput {
    let path = "\(directory.path)/\(name)"
    try OutputSpool(path, limit: limit).append(bytes)
    return try #require(SpooledOutput(path))
  }

  @Test(
    "everything comes back; results replace the server's own fields; the promised length is kept",
    arguments: [1, 7, 4096])
  func document(piece: Int) throws {
    let set = try TaskSet(
      parsing: Array(
        #"{"a":1e400,"tasks":[{"cmd":"x","stdout":"old","error":"old","n":1.0},{"cmd":"y"}],"z":[12345678901234567890]}"#
          .utf8))
    let output = TaskOutput(
      stdout: try spool("o\(piece)", [0x61, 0xE2, 0x82, 0x00, 0xFF]), stderr: try spool("e\(piece)", []))
    let result = TaskResult(error: .null, facts: JSONObject(), isFailure: false)
    let body = try ReportBody.fitting(set, results: [0: result], outputs: { _ in output }, outputLimit: 1000)
    let bytes = try text(body, piece: piece)
    #expect(bytes.count == body.byteCount)
    let expected =
      #"{"a":1e400,"tasks":[{"cmd":"x","n":1.0,"error":null,"agent":{"stdoutCut":0,"stderrCut":0},"#
      + #""stdout":"a\#u{FFFD}\u0000\#u{FFFD}","stderr":""},{"cmd":"y"}],"z":[12345678901234567890]}"#
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
    #expect(try text(body, piece: 3) == bytes, "it can be sent again")
  }

  @Test("a report of control characters, six times as long in JSON, still fits")
  func fits() throws {
    let set = try TaskSet(parsing: Array(#"{"tasks":[{"cmd":"x"}]}"#.utf8))
    let output = TaskOutput(
      stdout: try spool("o", [UInt8](repeating: 1, count: 10_000_000), limit: 16 << 20), stderr: nil)
    let result = TaskResult(error: .null, facts: JSONObject(), isFailure: false)
    let body = try ReportBody.fitting(set, results: [0: result], outputs: { _ in output }, outputLimit: 16 << 20)
    #expect(body.byteCount <= ReportBody.serverLimit)
    #expect(body.byteCount > ReportBody.serverLimit / 3)
    let task = try #require(JSON(parsing: try text(body, piece: 65536))["tasks"]?.arrayValue?.first)
    let cut = try #require(task["agent"]?["stdoutCut"]?.intValue)
    #expect(task["stdout"]?.stringValue?.contains("[monorail-agent: \(cut) bytes are cut out here]") == true)
  }
}
