import Foundation
import Testing

/// What only compressed archives can do.
@Suite struct HostileStreamTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Python that makes `x` of the archive `archive`.
    let making: String
    let error: String
    let options: [String]

    init(_ description: String, _ making: String, _ error: String, _ options: String...) {
      (testDescription, self.making, self.error, self.options) = (description, making, error, options)
    }
  }

  private static let cases = [
    Case(
      "gzip inside gzip", "x = gzip.compress(gzip.compress(archive))", "what follows the archive in the gzip stream"),
    Case("xz inside gzip", "x = gzip.compress(lzma.compress(archive))", "what follows the archive in the gzip stream"),
    Case("garbage in the stream", "x = gzip.compress(archive + b'garbage')", "what follows the archive in the gzip"),
    Case("garbage behind the stream", "x = gzip.compress(archive) + b'garbage'", "what begins at byte"),
    Case("half a stream behind the stream", "x = gzip.compress(archive) + b'\\x1f\\x8b'", "it ends in the middle"),
    Case(
      "a wrong checksum", "x = gzip.compress(archive); x = x[:-8] + bytes([x[-8] ^ 1]) + x[-7:]", "incorrect data check"
    ),
    Case("a wrong length", "x = gzip.compress(archive); x = x[:-1] + b'\\x01'", "incorrect length check"),
    Case("an empty stream", "x = gzip.compress(b'')", "it is empty"),
    Case(
      "a tar archive", "x = gzip.compress(b'name' + bytes(253) + b'ustar' + bytes(250))",
      "it is a tar archive, compressed with gzip"),
    Case(
      "xz with a dictionary of 4 GiB",
      """
      x = bytearray(lzma.compress(archive))
      size = (x[12] + 1) * 4
      x[12 + 4] = 40
      x[12 + size - 4:12 + size] = zlib.crc32(x[12:12 + size - 4]).to_bytes(4, "little")
      """, "MiB of memory to decompress"),
    Case(
      "20 GB of zeros in a few kilobytes",
      "x = gzip.compress(archive) + gzip_zeros(20_000_000_000)",
      "it holds more than 268435456 bytes; --max-size raises this limit", "--max-size", "256M"),
    Case(
      "a file of 4 GB in a few kilobytes",
      "x = gzip.compress(header(b'big', 0xF0000000)) + gzip_zeros(0xF0000000)",
      "\"big\" is larger than 268435456 bytes", "--max-size", "256M"),
    Case(
      "many files of zeros",
      "x = gzip.compress(b''.join(header(b'%d' % i, 1 << 20) + bytes(1 << 20) for i in range(20)))",
      "it holds more than 10485760 bytes", "--max-size", "10M"),
    Case(
      "a hundred thousand empty streams", "x = gzip.compress(b'') * 100000 + bytes(512) + b'?'", "what begins at byte"),
    Case("fifty thousand streams with zeros between", "x = (gzip.compress(b'') + bytes(4)) * 50000", "it is empty"),
  ]

  @Test(arguments: cases)
  func isRefused(_ stream: Case) throws {
    let scratch = try ToolScratch()
    try RawArchive.make { $0.add("a") }.write(to: scratch("archive"))
    let python = """
      import gzip, lzma, zlib
      archive = open("archive", "rb").read()
      def header(name, size):
          fields = [1, 0o100644, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name) + 1, 0]
          bytes = b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\\0"
          return bytes + b"\\0" * (-len(bytes) % 4)
      def gzip_zeros(count):
          piece = gzip.compress(bytes(1 << 26), 9)
          return piece * (count // (1 << 26))
      \(stream.making)
      open("x", "wb").write(x)
      """
    let made = try ToolRun(["-c", python], in: scratch.path, program: "/usr/bin/python3")
    try #require(made.status == 0, "\(made.errors)")
    let limits = [
      "timeout", "-s", "KILL", "600", "prlimit", "--cpu=60", "--as=1073741824", "--core=0", ToolRun.program,
    ]
    let run = try ToolRun(
      limits + ["unpack", "x", "out"] + stream.options, in: scratch.path, program: "/usr/bin/env")
    #expect(run.status == 2)
    #expect(run.errors.hasPrefix("monorail-overlay: x") && run.errors.contains(stream.error), "\(run.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["archive", "x"])
  }
}
