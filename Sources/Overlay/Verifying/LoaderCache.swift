import CELF

/// `/etc/ld.so.cache`, in which the loader looks up names of libraries; ldconfig(8) makes it of the directories in
/// `/etc/ld.so.conf` and of the system's own.
///
/// The format is glibc's (elf/cache.c, sysdeps/generic/dl-cache.h). Since 2.32 ldconfig writes the newer form alone; before
/// that the older one with the newer one behind it. Entries for processors with more instructions than the plain
/// architecture (`hwcap` is not 0) are left out: a library that has only such an entry is found on some nodes and not on
/// others.
struct LoaderCache {
  static let path = "etc/ld.so.cache"

  struct Library: Hashable {
    let name: [UInt8]
    /// An absolute path on the node.
    let path: [UInt8]
    fileprivate let flags: UInt32
  }

  let libraries: [Library]
  private let byName: [[UInt8]: [Library]]

  private static let oldMagic = Array("ld.so-1.7.0".utf8)
  private static let newMagic = Array("glibc-ld.so.cache1.1".utf8)

  /// - Returns: `nil` for what the loader would not take for a cache, and therefore pass over.
  init?(_ bytes: [UInt8]) {
    guard let libraries = Self.read(bytes) else { return nil }
    self.libraries = libraries
    byName = Dictionary(grouping: libraries, by: \.name)
  }

  /// The paths that the loader of such a program finds under a name.
  func paths(of name: [UInt8], for machine: ElfMachine) -> [[UInt8]] {
    (byName[name] ?? []).filter { Self.flags(of: machine).contains($0.flags) }.map(\.path)
  }

  func isFor(_ machine: ElfMachine, _ library: Library) -> Bool { Self.flags(of: machine).contains(library.flags) }

  private static func read(_ bytes: [UInt8]) -> [Library]? {
    if bytes.starts(with: newMagic) { return readNew(bytes[...]) }
    // The magic, filled up to 12 bytes; the number of entries; entries of flags and the offsets of name and path.
    let (header, size) = (16, 12)
    guard bytes.starts(with: oldMagic), let count = number(bytes[...], 12), count <= (bytes.count - header) / size
    else {
      return nil
    }
    let strings = header + count * size
    let aligned = (strings + 7) / 8 * 8
    // A 32-bit ldconfig aligns the newer form to 4 bytes.
    for start in [aligned, strings] where start <= bytes.count && bytes[start...].starts(with: newMagic) {
      return readNew(bytes[start...])
    }
    return libraries(bytes[...], at: (0..<count).map { header + $0 * size }, strings: strings)
  }

  /// 48 bytes of header, and entries of 24: flags, name, path, an unused word, and the capabilities that are required. The
  /// offsets of names count from the header's begin.
  private static func readNew(_ bytes: ArraySlice<UInt8>) -> [Library]? {
    let (header, size) = (48, 24)
    guard bytes.count >= header, let count = number(bytes, 20), count <= (bytes.count - header) / size else {
      return nil
    }
    // 2 says little-endian, 0 that an ldconfig before 2.33 did not say it. The loader takes nothing else.
    guard [0, 2].contains(bytes[bytes.startIndex + 28] & 3) else { return nil }
    let entries = (0..<count).map { header + $0 * size }
    return libraries(
      bytes, at: entries.filter { number(bytes, $0 + 16) == 0 && number(bytes, $0 + 20) == 0 }, strings: 0)
  }

  /// - Parameter entries: where they begin.
  /// - Returns: `nil` when entries share their texts so often that only a hostile cache can be the reason: few bytes of it
  ///   would take all memory.
  private static func libraries(_ bytes: ArraySlice<UInt8>, at entries: [Int], strings: Int) -> [Library]? {
    var libraries: [Library] = []
    var left = 4 * bytes.count
    for entry in entries {
      guard let library = library(bytes, at: entry, strings: strings) else { continue }
      left -= library.name.count + library.path.count
      guard left >= 0 else { return nil }
      libraries.append(library)
    }
    return libraries
  }

  private static func library(_ bytes: ArraySlice<UInt8>, at entry: Int, strings: Int) -> Library? {
    guard let flags = number(bytes, entry), let name = number(bytes, entry + 4), let path = number(bytes, entry + 8),
      let name = text(bytes, strings + name), let path = text(bytes, strings + path)
    else { return nil }
    return Library(name: name, path: path, flags: UInt32(flags))
  }

  private static func number(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> Int? {
    guard offset + 4 <= bytes.count else { return nil }
    let start = bytes.startIndex + offset
    return bytes[start..<(start + 4)].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// Bytes; no path on the node is longer (PATH_MAX).
  private static let longestText = 4096

  private static func text(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> [UInt8]? {
    guard offset < bytes.count else { return nil }
    let rest = bytes[(bytes.startIndex + offset)...].prefix(longestText)
    return rest.firstIndex(of: 0).map { Array(rest[..<$0]) }
  }

  /// The flags that ldconfig gives to the libraries of a machine, and that the machine's loader asks for: 3 for the C library
  /// since version 6, and in the byte above it the architecture's number.
  private static func flags(of machine: ElfMachine) -> Set<UInt32> {
    switch (machine.number, machine.is64Bit) {
    case (EM_X86_64, true): [0x0303]
    case (EM_X86_64, false): [0x0803]
    case (EM_386, false): [0x0003]
    case (EM_AARCH64, true): [0x0A03]
    case (EM_ARM, false): [0x0903, 0x0B03, 0x0003]
    default: []
    }
  }
}
