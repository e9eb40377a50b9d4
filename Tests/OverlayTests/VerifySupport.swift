import Foundation
import Overlay
import TestSupport

/// A layer (an overlay or a base image) as a test writes it: one line for each entry.
///
///     d 755 etc
///     f 755 usr/bin/x = #!/bin/sh
///     l usr/bin/y > x
///     w usr/bin/z
///     e 755 usr/bin/program interp=/lib64/ld.so needs=libc.so.6,libm.so.6 runpath=$ORIGIN
///     k lib/modules/6.1.0/x.ko 6.1.0
///     c etc/ld.so.cache liba.so.1=/opt/lib/liba.so.1
///
/// A line break in a file's text is written `\n`, a carriage return `\r`, a blank in a name `\_`.
struct VerifyLayer {
  var members: [(entry: Entry, bytes: [UInt8])] = []

  /// The files that every overlay must have.
  static let required = """
    d 755 .
    d 755 etc
    f 755 etc/rc.local = #!/bin/sh\\n/opt/monorail/monorail-agent run\\n
    e 755 opt/monorail/monorail-agent
    """

  /// A base with merged directories, systemd, a shell, a loader and one library, as Debian has them.
  static let debian = """
    d 755 etc
    d 755 usr/bin
    d 755 usr/sbin
    d 755 usr/lib/x86_64-linux-gnu
    l bin > usr/bin
    l sbin > usr/sbin
    l lib > usr/lib
    l lib64 > usr/lib64
    f 755 usr/bin/dash = -
    l usr/bin/sh > dash
    f 755 usr/bin/env = -
    f 755 usr/bin/python3.11 = -
    l usr/bin/python3 > python3.11
    f 755 usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 = -
    d 755 usr/lib64
    l usr/lib64/ld-linux-x86-64.so.2 > /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
    f 644 usr/lib/x86_64-linux-gnu/libc.so.6 = -
    f 644 etc/ld.so.conf = include /etc/ld.so.conf.d/*.conf\\n
    f 644 etc/ld.so.conf.d/vendor.conf = # vendor\\n/opt/base/lib\\n
    f 644 opt/base/lib/libbase.so.1 = -
    c etc/ld.so.cache libbase.so.1=/opt/base/lib/libbase.so.1
    f 755 usr/lib/systemd/systemd = -
    f 755 usr/lib/systemd/system-generators/systemd-rc-local-generator = -
    l usr/sbin/init > /usr/lib/systemd/systemd
    d 700 root
    d 755 lib-is-no-link
    """

  init(_ lines: String) throws {
    for line in lines.split(separator: "\n") where !line.allSatisfy(\.isWhitespace) { try add(String(line)) }
  }

  private mutating func add(_ line: String) throws {
    let words = line.split(separator: " ").map { $0.replacingOccurrences(of: "\\_", with: " ") }
    func text(behind separator: String) -> String {
      line.range(of: " \(separator) ").map { String(line[$0.upperBound...]) }?.replacingOccurrences(
        of: "\\n", with: "\n"
      )
      .replacingOccurrences(of: "\\r", with: "\r") ?? ""
    }
    func mode(_ index: Int) -> UInt32 { UInt32(words[index], radix: 8) ?? 0 }
    switch words[0] {
    case "d": try add(words[2], .directory, mode(1))
    case "f": try add(words[2], .file(size: 0), mode(1), Array(text(behind: "=").utf8))
    case "l": try add(words[1], .symlink(target: Array(text(behind: ">").utf8)), 0o777)
    case "w": try add(words[1], .characterDevice(.init(major: 0, minor: 0)), 0)
    case "e":
      var elf = VerifyElf()
      for word in words.dropFirst(3) {
        let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
        switch parts[0] {
        case "machine": elf.machine = VerifyElf.Machine(rawValue: parts[1]) ?? .x8664
        case "interp": elf.interpreter = parts[1]
        case "needs": elf.needed = parts[1].split(separator: ",").map(String.init)
        case "rpath": elf.rpath = parts[1]
        case "runpath": elf.runpath = parts[1]
        case "name": elf.name = parts[1]
        default: throw OverlayError("no such key: \(word)")
        }
      }
      try add(words[2], .file(size: 0), mode(1), elf.bytes)
    case "k":
      var elf = VerifyElf()
      elf.vermagic = words[2]
      try add(words[1], .file(size: 0), 0o644, elf.bytes)
    case "c":
      let pairs = words.dropFirst(2).map { $0.split(separator: "=").map(String.init) }
      try add(words[1], .file(size: 0), 0o644, VerifyCache(pairs.map { ($0[0], $0[1]) }).bytes)
    default: throw OverlayError("no such line: \(line)")
    }
  }

  mutating func add(
    _ path: String, _ kind: Entry.Kind, _ permissions: UInt32, _ bytes: [UInt8] = [], links: Entry.LinkGroup? = nil
  ) throws {
    var kind = kind
    if case .file = kind { kind = .file(size: bytes.count) }
    members.append((Entry(try OverlayPath(path), kind, permissions: permissions, links: links), bytes))
  }

  /// Writes an archive, with the entries in the order of their lines.
  @discardableResult
  func archive(_ path: String, compression: CompressionFormat = .gzip) throws -> String {
    let spool = try ContentSpool(directory: NSTemporaryDirectory())
    var result: [Member] = []
    for (entry, bytes) in members {
      guard !bytes.isEmpty else {
        result.append(Member(entry))
        continue
      }
      result.append(Member(entry, .spooled(spool, offset: try spool.size())))
      try bytes.withUnsafeBytes { try spool.append($0) }
    }
    try ArchiveWriter(compression: compression).write(result, to: path)
    return path
  }

  /// Makes a squashfs image with mksquashfs.
  func image(_ path: String) throws -> BaseImage {
    let tree = path + ".tree"
    let manager = FileManager.default
    for (entry, bytes) in members {
      let place = "\(tree)/\(String(decoding: entry.path.archiveName, as: UTF8.self))"
      let parent = entry.isDirectory ? place : URL(filePath: place).deletingLastPathComponent().path
      try manager.createDirectory(atPath: parent, withIntermediateDirectories: true)
      switch entry.kind {
      case .symlink(let target):
        try manager.createSymbolicLink(atPath: place, withDestinationPath: String(decoding: target, as: UTF8.self))
      case .file:
        guard manager.createFile(atPath: place, contents: Data(bytes)) else {
          throw OverlayError("cannot write \(place)")
        }
      default: break
      }
      if case .symlink = entry.kind { continue }
      try manager.setAttributes([.posixPermissions: Int(entry.permissions)], ofItemAtPath: place)
    }
    try verifyTool(
      "mksquashfs", tree, path, "-quiet", "-no-progress", "-noappend", "-noI", "-noD", "-noF", "-processors", "1")
    return try BaseImage(path)
  }
}

/// Runs a program of the system, which must succeed.
func verifyTool(_ command: String...) throws {
  let result = try ChildProcess.run(command)
  guard result.end == .exited(0) else { throw Failure("\(command) ended with \(result.code): \(result.errors)") }
}

/// The squashfs image of `VerifyLayer.debian`. It is made once, and removed when the tests end.
enum VerifyBase {
  static let debian: Result<BaseImage, any Error> = Result {
    let image = try VerifyLayer(VerifyLayer.debian).image(place)
    atexit { try? FileManager.default.removeItem(atPath: VerifyBase.place) }
    try FileManager.default.removeItem(atPath: place + ".tree")
    return image
  }

  private static let place = "\(NSTemporaryDirectory())verify-base.\(UUID().uuidString)"
}
