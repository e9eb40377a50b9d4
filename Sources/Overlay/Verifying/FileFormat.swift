import Glibc
import SystemFiles

/// What a file is, by its first bytes: for the message when a person gives another file than an overlay archive.
public struct FileFormat {
  enum Kind: CaseIterable {
    case newc, oldCpio, portableCpio, tar, squashfs, elf, zip, debianPackage, bzip2, lz4, webPage, text
  }

  let kind: Kind
  /// How the file is compressed; what is in there is `kind` then.
  let compression: CompressionFormat

  private static let longestHead = 64 << 10

  /// - Returns: `nil` for a file of another format than these, and for one that is not a regular file.
  /// - Throws: when the file cannot be read.
  init?(ofFileAt path: String) throws(OverlayError) {
    let head = try Self.head(of: path)
    let compression = CompressionFormat(magic: Array(head.prefix(6))) ?? .none
    let bytes = compression == .none ? head : Self.decompressed(head, compression)
    guard let kind = Self.kind(of: bytes) else { return nil }
    (self.kind, self.compression) = (kind, compression)
  }

  /// Runs what reads an overlay archive. When that fails because the file is something else, the error says what the file is.
  public static func explaining<Value>(
    _ path: String, _ body: () throws(OverlayError) -> Value
  ) throws(OverlayError) -> Value {
    do throws(OverlayError) { return try body() } catch {
      var status = stat()
      if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        throw OverlayError("\(path) is a directory, not an archive: \"monorail-overlay pack\" makes an archive of it")
      }
      guard let format = try? FileFormat(ofFileAt: path), let remedy = format.remedy else { throw error }
      throw OverlayError("\(path) is no overlay archive: it is \(format.words); \(remedy)")
    }
  }

  /// To be read behind "it is".
  var words: String {
    let what =
      switch kind {
      case .newc: "a newc cpio archive"
      case .oldCpio: "a cpio archive in the old binary format"
      case .portableCpio: "a cpio archive in the odc format"
      case .tar: "a tar archive"
      case .squashfs: "a squashfs image"
      case .elf: "an ELF file: a program, a library or a module"
      case .zip: "a zip archive"
      case .debianPackage: "a Debian package, or another archive of ar"
      case .bzip2: "a file compressed with bzip2"
      case .lz4: "a file compressed with lz4"
      case .webPage: "a web page"
      case .text: "text"
      }
    return compression == .none ? what : "\(what), compressed with \(compression.rawValue)"
  }

  /// What the reader can do; `nil` for an overlay archive.
  private var remedy: String? {
    switch kind {
    case .newc: nil
    case .oldCpio, .portableCpio:
      "nodes read the newc format alone: make the archive with cpio -o -H newc, or with pack"
    case .tar, .zip: "unpack it, and make an overlay of the directory with pack"
    case .squashfs: "give a base image with --base, and name the overlay's archive"
    case .debianPackage: "install it in an overlay with shell"
    case .bzip2, .lz4: "an overlay is compressed with gzip, zstd or xz, or not at all"
    case .webPage: "a web server may have sent it in the place of the archive"
    case .elf, .text: "an overlay is what pack, shell or merge makes"
    }
  }

  private static func head(of path: String) throws(OverlayError) -> [UInt8] {
    do throws(SystemError) {
      // Without O_NONBLOCK opening a FIFO would wait without end.
      let file = try File(path, O_RDONLY | O_NONBLOCK)
      var status = stat()
      guard fstat(file.descriptor, &status) == 0, [S_IFREG, S_IFBLK].contains(status.st_mode & S_IFMT) else {
        return []
      }
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: longestHead, alignment: 16)
      defer { buffer.deallocate() }
      return Array(buffer[..<(try file.read(into: buffer, at: 0))])
    } catch { throw OverlayError(error) }
  }

  /// The first bytes of a compressed file, decompressed as far as that is possible.
  private static func decompressed(_ head: [UInt8], _ format: CompressionFormat) -> [UInt8] {
    guard let decoder = try? format.makeDecoder() else { return [] }
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: longestHead, alignment: 16)
    defer { output.deallocate() }
    return head.withUnsafeBytes { input in
      var rest = input[...]
      while !rest.isEmpty, let progress = try? decoder.decode(UnsafeRawBufferPointer(rebasing: rest), into: output) {
        if progress.given > 0 { return Array(output[..<progress.given]) }
        if progress.isAtEnd || progress.taken == 0 { break }
        rest = rest.dropFirst(progress.taken)
      }
      return []
    }
  }

  private static let magics: [(Kind, [UInt8])] = [
    (.newc, Array("070701".utf8)), (.newc, Array("070702".utf8)), (.portableCpio, Array("070707".utf8)),
    (.oldCpio, [0xC7, 0x71]), (.oldCpio, [0x71, 0xC7]), (.squashfs, Array("hsqs".utf8)), (.elf, ElfReader.magic),
    (.zip, Array("PK\u{3}\u{4}".utf8)), (.debianPackage, Array("!<arch>\n".utf8)), (.bzip2, Array("BZh".utf8)),
    (.lz4, [0x04, 0x22, 0x4D, 0x18]), (.lz4, [0x02, 0x21, 0x4C, 0x18]),
  ]

  private static func kind(of bytes: [UInt8]) -> Kind? {
    if let match = magics.first(where: { bytes.starts(with: $0.1) }) { return match.0 }
    // An archive that was cut off may have only the first digits of its magic number left. These are no text.
    if "070701".utf8.starts(with: bytes) { return bytes.isEmpty ? nil : .newc }
    if bytes.dropFirst(257).starts(with: "ustar".utf8) { return .tar }
    guard !bytes.isEmpty, bytes.prefix(1024).allSatisfy({ $0 >= 0x20 && $0 != 0x7F || "\t\n\r".utf8.contains($0) })
    else {
      return nil
    }
    let start = String(decoding: bytes.prefix(200), as: UTF8.self).lowercased()
    return ["<!doctype html", "<html"].contains { start.contains($0) } ? .webPage : .text
  }
}
