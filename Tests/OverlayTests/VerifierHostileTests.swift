import Foundation
import Overlay
import Testing

/// Files that begin like programs and hold anything: each gets a finding or none, and the checks end.
struct VerifierHostileTests {
  private static let program = VerifyElf(
    interpreter: "/lib64/ld-linux-x86-64.so.2", needed: ["libc.so.6", "liba.so"], rpath: "$ORIGIN", runpath: "/opt",
    name: "p"
  ).bytes
  private static let module = VerifyElf(vermagic: "6.1.0").bytes

  @Test func everyCutProgramIsAnError() throws {
    let findings = try findings((4..<Self.program.count).map { ("opt/\($0)", Array(Self.program.prefix($0))) })
    #expect(findings.count == Self.program.count - 4)
    #expect(findings.allSatisfy { $0.severity == .error && $0.message.hasPrefix("begins like a program, but ") })
  }

  @Test func aCutModuleIsNoProgramAndNoCrash() throws {
    _ = try findings((0..<Self.module.count).map { ("lib/modules/6.1.0/\($0).ko", Array(Self.module.prefix($0))) })
  }

  @Test(arguments: [1, 2, 4, 8], [UInt8(0x00), 0x7F, 0x80, 0xFF])
  func anyFieldMayBeAnything(_ width: Int, _ value: UInt8) throws {
    var files: [(String, [UInt8])] = []
    for (name, whole) in [("program", Self.program), ("lib/modules/6.1.0/module.ko", Self.module)] {
      for offset in 4...(whole.count - width) {
        var bytes = whole
        bytes.replaceSubrange(offset..<(offset + width), with: repeatElement(value, count: width))
        files.append(("\(offset)/\(name)", bytes))
      }
    }
    _ = try findings(files)
  }

  @Test func randomDamage() throws {
    var random = Xorshift(state: 0x9E37_79B9_7F4A_7C15)
    let real = FileManager.default.contents(atPath: "/usr/bin/env").map { Array($0.prefix(16384)) } ?? []
    let files = (0..<3000).map { index -> (String, [UInt8]) in
      var bytes = [Self.program, Self.module, real][index % 3]
      for _ in 0...Int.random(in: 0..<16, using: &random) where bytes.count > 4 {
        // Most of the fields that the checks read stand at the beginning of the file.
        let end = Bool.random(using: &random) ? min(bytes.count, 256) : bytes.count
        bytes[Int.random(in: 4..<end, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      return ("\(index)/module.ko", bytes)
    }
    _ = try findings(files)
  }

  /// libelf would allocate 200 bytes for each of these sections.
  @Test func aHundredMillionSectionsTakeNoMemory() throws {
    var bytes = Self.module
    bytes.replaceSubrange(60..<62, with: [0, 0])
    let table = (0..<8).reduce(0) { $0 | Int(bytes[40 + $1]) << (8 * $1) }
    bytes.replaceSubrange((table + 32)..<(table + 40), with: [0, 0xE1, 0xF5, 0x05, 0, 0, 0, 0])
    let findings = try findings([("opt/x", bytes)])
    #expect(
      findings.map(\.description) == [
        "error: opt/x: begins like a program, but has a section table of unknown length"
      ])
  }

  private struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
  }

  /// What is found in an overlay with these executable files, besides what is missing of the required ones.
  private func findings(_ files: [(String, [UInt8])]) throws -> [Finding] {
    let scratch = try ScratchDirectory()
    var layer = try VerifyLayer(VerifyLayer.required)
    for (path, bytes) in files { try layer.add(path, .file(size: 0), 0o755, bytes) }
    let verifier = Verifier(
      archive: try layer.archive(scratch("x.overlay.cpio"), compression: .none), architecture: .x8664)
    let findings = try verifier.findings()
    #expect(findings == findings.sorted())
    return findings
  }
}
