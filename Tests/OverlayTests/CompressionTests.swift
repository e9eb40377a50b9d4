import Foundation
import Testing

@testable import Overlay

/// The tools gzip, xz and zstd can read what the compressors here write.
@Suite struct CompressionTests {
  /// Content of every kind that compressors tell apart.
  enum Sample: CaseIterable {
    case zeros, text, noise

    func bytes(_ count: Int) -> [UInt8] {
      switch self {
      case .zeros: return [UInt8](repeating: 0, count: count)
      case .text: return Array("all work and no play makes \(count) dull bytes\n".utf8).repeated(to: count)
      case .noise:
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return Array(unsafeUninitializedCapacity: count) { buffer, initialized in
          for index in 0..<count {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            buffer.initializeElement(at: index, to: UInt8(truncatingIfNeeded: state))
          }
          initialized = count
        }
      }
    }
  }

  private static let block = 1 << 20

  @Test(arguments: 1...12)
  func gzipOfEveryLevelIsOneStreamThatEverybodyReads(_ level: Int) throws {
    let scratch = try ScratchDirectory()
    var expected: [String] = []
    for sample in level < 10 ? Sample.allCases : [.text] {
      for size in [0, 1, 1000, Self.block - 1, Self.block, Self.block + 1] {
        let input = sample.bytes(size)
        let output = Collector()
        try compress(input, try ParallelGzip(level: level, to: output))
        try #expect(decompress(output.bytes, try GzipDecoder()) == input)
        let name = "\(sample)-\(size)"
        try Data(output.bytes).write(to: URL(filePath: scratch("\(name).gz")))
        try Data(input).write(to: URL(filePath: scratch(name)))
        expected.append(name)
      }
    }
    try run(
      """
      cd '\(scratch.path)'
      gzip -t *.gz
      for file in *.gz; do busybox gzip -dc "$file" | cmp - "${file%.gz}"; done
      python3 - <<'END'
      import glob, zlib
      names = glob.glob("*.gz")
      assert len(names) == \(expected.count)
      for name in names:
          stream = zlib.decompressobj(31)
          assert stream.decompress(open(name, "rb").read()) == open(name[:-3], "rb").read(), name
          assert stream.eof and not stream.unused_data, name
      END
      """)
  }

  @Test func gzipHasNeitherNameNorTime() throws {
    let output = Collector()
    try compress(Array("x".utf8), try ParallelGzip(level: 6, to: output))
    #expect(output.bytes.prefix(10) == [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3])
  }

  @Test(arguments: [0, 3, 6])
  func xzHasTheCheckThatTheKernelKnows(_ level: Int) throws {
    let scratch = try ScratchDirectory()
    let input = Sample.text.bytes(300_000) + Sample.noise.bytes(100_000)
    let output = Collector()
    try compress(input, try XZCompressor(level: level, to: output))
    let crc32: UInt8 = 1
    #expect(output.bytes[7] == crc32)
    try #expect(decompress(output.bytes, try XZDecoder()) == input)
    try Data(output.bytes).write(to: URL(filePath: scratch("x.xz")))
    try run("xz -t '\(scratch("x.xz"))'")
  }

  @Test(arguments: [1, 12, 19])
  func zstdHasAChecksum(_ level: Int) throws {
    let scratch = try ScratchDirectory()
    let input = Sample.text.bytes(300_000) + Sample.noise.bytes(100_000)
    let output = Collector()
    try compress(input, try ZstdCompressor(level: level, to: output))
    let hasChecksum: UInt8 = 4
    #expect(output.bytes[4] & hasChecksum != 0)
    try #expect(decompress(output.bytes, try ZstdDecoder()) == input)
    try Data(output.bytes).write(to: URL(filePath: scratch("x.zst")))
    try run("zstd -q -t '\(scratch("x.zst"))'")
  }

  @Test(arguments: [0, 1, 70_000])
  func anArchiveWithoutContentIsCompressedToo(_ size: Int) throws {
    for format in [CompressionFormat.xz, .zstd] {
      let output = Collector()
      let input = [UInt8](repeating: 7, count: size)
      let compressor: any Compressor =
        format == .xz ? try XZCompressor(level: 1, to: output) : try ZstdCompressor(level: 1, to: output)
      try compress(input, compressor)
      let decoder = try #require(try format.makeDecoder())
      try #expect(decompress(output.bytes, decoder) == input)
    }
  }

  /// A disk that is full says so through every layer.
  @Test(arguments: CompressionFormat.allCases)
  func passesErrorsOfTheOutputOn(_ format: CompressionFormat) throws {
    let full = FullDisk()
    let noise = Sample.noise.bytes(3 << 20)
    let error = #expect(throws: OverlayError.self) {
      if let compressor = try format.makeCompressor(level: 1, to: full) {
        try compress(noise, compressor)
      } else {
        try full.write(noise[...])
      }
    }
    #expect(error?.description == "the disk is full")
  }

  /// Writes pieces of a length that is no multiple of any buffer or block.
  private func compress(_ bytes: [UInt8], _ compressor: any Compressor) throws {
    for start in stride(from: 0, to: bytes.count, by: 70_001) {
      try compressor.write(bytes[start..<min(start + 70_001, bytes.count)])
    }
    try compressor.finish()
  }

  private func decompress(_ bytes: [UInt8], _ decoder: any StreamDecoder) throws -> [UInt8] {
    var result: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 50_000)
    var offset = 0
    while true {
      let progress = try bytes[offset...].prefix(3333).withUnsafeBytes { input in
        try piece.withUnsafeMutableBytes { try decoder.decode(input, into: $0) }
      }
      offset += progress.taken
      result += piece[..<progress.given]
      if progress.isAtEnd { break }
      try #require(progress.taken + progress.given > 0, "the stream does not end")
    }
    #expect(offset == bytes.count)
    return result
  }
}

private final class Collector: ByteSink {
  private(set) var bytes: [UInt8] = []

  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) { self.bytes += bytes }
}

private final class FullDisk: ByteSink {
  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) {
    if bytes.count > 10 { throw OverlayError("the disk is full") }
  }
}

extension [UInt8] {
  fileprivate func repeated(to count: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count + self.count)
    while result.count < count { result += self }
    return Array(result.prefix(count))
  }
}
