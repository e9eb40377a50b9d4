import CELF
import Foundation
import Testing

@testable import Overlay

struct VerifyCacheTests {
  private static let machine = ElfMachine(number: EM_X86_64, is64Bit: true, isLittleEndian: true)
  private static let libraries = [("liba.so.1", "/opt/liba.so.1"), ("libb.so.2", "/usr/lib/libb.so.2")]

  private func paths(_ bytes: [UInt8], _ name: String) -> [String]? {
    LoaderCache(bytes)?.paths(of: Array(name.utf8), for: Self.machine).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: [
    VerifyCache(libraries).bytes, VerifyCache(libraries).oldBytes(),
    VerifyCache(libraries).oldBytes(newer: VerifyCache(libraries)),
    VerifyCache([libraries[0]]).oldBytes(newer: VerifyCache(libraries)),
  ])
  func bothForms(_ bytes: [UInt8]) {
    #expect(paths(bytes, "liba.so.1") == ["/opt/liba.so.1"] && paths(bytes, "libb.so.2") == ["/usr/lib/libb.so.2"])
    #expect(paths(bytes, "libc.so.6") == [])
  }

  @Test func entriesForOtherMachinesAndProcessorsDoNotCount() {
    var cache = VerifyCache(Self.libraries)
    cache.flags = 0x0003
    #expect(paths(cache.bytes, "liba.so.1") == [])
    (cache.flags, cache.capabilities) = (0x0303, 1)
    #expect(paths(cache.bytes, "liba.so.1") == [])
  }

  /// Such a cache compresses to a few kilobytes, so that anybody can have it in an archive.
  @Test(.timeLimit(.minutes(10))) func entriesThatShareALongTextTakeNeitherTimeNorMemory() {
    for length in [4000, 4 << 20] {
      var cache = VerifyCache([(name: String(repeating: "a", count: length), path: "/a")])
      cache.repeats = 100_000
      #expect(LoaderCache(cache.bytes)?.libraries.isEmpty != false)
    }
  }

  /// A damaged cache gives no library name or path that is not in its bytes.
  @Test func cutAndDamagedCaches() {
    for whole in [VerifyCache(Self.libraries).bytes, VerifyCache(Self.libraries).oldBytes()] {
      for length in 0..<whole.count { _ = LoaderCache(Array(whole.prefix(length))) }
      for index in whole.indices {
        for value: UInt8 in [0, 0x7F, 0xFF] {
          var bytes = whole
          bytes[index] = value
          _ = LoaderCache(bytes)
        }
      }
    }
    #expect(LoaderCache([]) == nil && LoaderCache(Array("text".utf8)) == nil)
  }

  /// What is read here is what this machine's `ldconfig -p` prints.
  @Test func theRealOne() throws {
    let scratch = try ScratchDirectory()
    try verifyTool(
      "sh", "-euc",
      """
      cd '\(scratch.path)'; mkdir lib
      echo 'int x;' >x.c; gcc -shared -fPIC -o lib/libx.so.1 x.c -Wl,-soname,libx.so.1
      echo "$PWD/lib" >conf; ldconfig -f conf -C cache; ldconfig -C cache -p >printed
      """)
    let cache = try #require(LoaderCache(Array(try Data(contentsOf: URL(filePath: scratch("cache"))))))
    let printed = try String(contentsOfFile: scratch("printed"), encoding: .utf8).split(separator: "\n").dropFirst()
    let lines = printed.filter { !$0.contains("hwcap") && !$0.hasPrefix("Cache generated") }
    #expect(cache.libraries.count == lines.count && lines.count > 0)
    for library in cache.libraries {
      let (name, path) = (String(decoding: library.name, as: UTF8.self), String(decoding: library.path, as: UTF8.self))
      #expect(lines.contains { $0.contains("\t\(name) (") && $0.hasSuffix(" => \(path)") })
    }
    let found = cache.paths(of: Array("libx.so.1".utf8), for: MachineArchitecture.current.native)
    #expect(found == [Array(scratch("lib/libx.so.1").utf8)])
  }
}
