/// A file that is a kernel module by its name: `x.ko`, or compressed as `x.ko.xz`, `x.ko.zst` or `x.ko.gz`.
enum KernelModule {
  /// Bytes; no module comes near it. Damaged data may decompress to anything.
  private static let largest = 256 << 20

  static func isOne(_ path: OverlayPath) -> Bool { path.bytes.hasSuffix(".ko") || compression(of: path) != nil }

  static func compression(of path: OverlayPath) -> CompressionFormat? {
    if path.bytes.hasSuffix(".ko.xz") { return .xz }
    if path.bytes.hasSuffix(".ko.zst") { return .zstd }
    return path.bytes.hasSuffix(".ko.gz") ? .gzip : nil
  }

  /// What a compressed module is, by the data of the archive's current entry.
  static func nature(_ reader: ArchiveReader, _ format: CompressionFormat) throws(OverlayError) -> FileNature {
    guard let decoder = try format.makeDecoder() else { return .other }
    let spool = try ContentSpool.temporary()
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
    defer { output.deallocate() }
    var (size, head) = (0, [UInt8]())
    var block = try reader.nextBlock()
    while true {
      let progress: DecodingProgress
      do throws(OverlayError) {
        progress = try decoder.decode(block ?? UnsafeRawBufferPointer(start: nil, count: 0), into: output)
      } catch {
        return .damagedElf("is no \(format.rawValue) file, or a damaged one")
      }
      let decoded = UnsafeRawBufferPointer(rebasing: output[..<progress.given])
      if head.count < ElfReader.magic.count { head += decoded.prefix(ElfReader.magic.count) }
      try spool.append(decoded)
      size += progress.given
      guard size <= largest else { return .damagedElf("has more than \(largest) bytes when it is decompressed") }
      if progress.isAtEnd {
        return head.starts(with: ElfReader.magic) ? try ElfReader.facts(spool, isModule: true) : .other
      }
      guard progress.taken > 0 || progress.given > 0 else {
        return .damagedElf("is cut off: its \(format.rawValue) data has no end")
      }
      if let rest = block {
        block =
          rest.count > progress.taken
          ? UnsafeRawBufferPointer(rebasing: rest[progress.taken...]) : try reader.nextBlock()
      }
    }
  }
}
