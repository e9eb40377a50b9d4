import CELF
import Glibc

/// Takes the facts from an ELF file with libelf. The file may hold anything: every size and every offset in it is checked
/// against the file before memory is spent on it.
struct ElfReader {
  private let elf: OpaquePointer
  private let descriptor: Int32
  private let size: Int
  private var header = GElf_Ehdr()

  /// Why a file that begins like an ELF file is none, as the rest of "it …".
  struct Damage: Error { let reason: String }

  static let magic = [0x7F] + Array("ELF".utf8)

  private static let longestText = 4096
  private static let mostDynamicEntries = 4096
  private static let largestNameTable = 16 << 20

  /// - Parameters:
  ///   - spool: holds the file's bytes, and nothing else.
  ///   - isModule: whether to look for what only kernel modules have.
  static func facts(_ spool: ContentSpool, isModule: Bool) throws(OverlayError) -> FileNature {
    let size = try spool.size()
    elf_version(UInt32(EV_CURRENT))
    do throws(Damage) {
      try refuseHugeSectionTable(spool.descriptor)
      guard let elf = elf_begin(spool.descriptor, ELF_C_READ, nil) else {
        throw Damage("has a header that libelf refuses")
      }
      defer { elf_end(elf) }
      guard elf_kind(elf) == ELF_K_ELF else { throw Damage("has a header that libelf refuses") }
      return .elf(try ElfReader(elf, spool.descriptor, size).read(isModule: isModule))
    } catch {
      return .damagedElf(error.reason)
    }
  }

  private init(_ elf: OpaquePointer, _ descriptor: Int32, _ size: Int) throws(Damage) {
    (self.elf, self.descriptor, self.size) = (elf, descriptor, size)
    guard gelf_getehdr(elf, &header) != nil else { throw Damage("has a damaged header") }
  }

  /// Refuses a file whose number of sections does not stand in its header but in the first section, as the ELF format has it
  /// for more than 65279 of them. No program and no module has so many, and libelf takes memory for as many as are named.
  private static func refuseHugeSectionTable(_ descriptor: Int32) throws(Damage) {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count >= 52 else { throw Damage("ends within its header") }
    let is64Bit = bytes[Int(EI_CLASS)] == UInt8(ELFCLASS64)
    let table = is64Bit ? bytes[40..<48] : bytes[32..<36]
    let sections = is64Bit ? bytes[60..<62] : bytes[48..<50]
    guard !sections.allSatisfy({ $0 == 0 }) || table.allSatisfy({ $0 == 0 }) else {
      throw Damage("has a section table of unknown length")
    }
  }

  private func read(isModule: Bool) throws(Damage) -> ElfFacts {
    let machine = ElfMachine(
      number: Int32(header.e_machine), is64Bit: gelf_getclass(elf) == ELFCLASS64,
      isLittleEndian: elf_getident(elf, nil)?[Int(EI_DATA)] == CChar(ELFDATA2LSB))
    var facts = ElfFacts(machine: machine, kind: .other)
    switch Int32(header.e_type) {
    case ET_EXEC, ET_DYN: try readSegments(into: &facts)
    case ET_REL:
      facts.kind = .relocatable
      if isModule {
        try checkSections()
        facts.moduleRelease = try moduleRelease()
      }
    default: break
    }
    return facts
  }

  private func readSegments(into facts: inout ElfFacts) throws(Damage) {
    var count = 0
    guard elf_getphdrnum(elf, &count) == 0 else { throw Damage("has a damaged table of segments") }
    var segments: [GElf_Phdr] = []
    for index in 0..<Int32(clamping: count) {
      var segment = GElf_Phdr()
      guard gelf_getphdr(elf, index, &segment) != nil else { throw Damage("has a damaged table of segments") }
      segments.append(segment)
    }
    guard segments.contains(where: { $0.p_type == GElf_Word(PT_LOAD) }) else {
      // The kernel refuses a program of which nothing goes into memory. libelf does not.
      throw Damage("has nothing to load: no program and no library")
    }
    let dynamic = segments.first { $0.p_type == GElf_Word(PT_DYNAMIC) }
    if let dynamic, hasContentsElsewhere(dynamic) { return }
    facts.kind = .loadable
    for segment in segments
    where segment.p_type == GElf_Word(PT_LOAD) && range(segment.p_offset, segment.p_filesz) == nil {
      throw Damage("is cut off: what is to be loaded goes on behind its end")
    }
    if let segment = segments.first(where: { $0.p_type == GElf_Word(PT_INTERP) }) {
      facts.interpreter = try text(at: segment.p_offset, limit: segment.p_filesz, "the name of its loader")
    }
    if let dynamic { try readDynamic(dynamic, segments, into: &facts) }
  }

  /// Whether a segment has no bytes in this file. Debian's files of debugging symbols keep the headers of the program, but not
  /// the contents that these describe.
  private func hasContentsElsewhere(_ segment: GElf_Phdr) -> Bool {
    var section: OpaquePointer?
    while let next = elf_nextscn(elf, section) {
      section = next
      var header = GElf_Shdr()
      guard gelf_getshdr(next, &header) != nil else { return false }
      if header.sh_addr == segment.p_vaddr, header.sh_type == GElf_Word(SHT_NOBITS), header.sh_size > 0 { return true }
    }
    return false
  }

  private func readDynamic(_ dynamic: GElf_Phdr, _ segments: [GElf_Phdr], into facts: inout ElfFacts) throws(Damage) {
    let entrySize = gelf_fsize(elf, ELF_T_DYN, 1, UInt32(EV_CURRENT))
    guard entrySize > 0, let (offset, length) = range(dynamic.p_offset, dynamic.p_filesz) else {
      throw Damage("has its dynamic section behind its end")
    }
    let count = min(length / entrySize, Self.mostDynamicEntries)
    guard count > 0 else { return }
    guard let data = elf_getdata_rawchunk(elf, Int64(offset), count * entrySize, ELF_T_DYN) else {
      throw Damage("has a damaged dynamic section")
    }
    var entries: [(tag: Int, value: UInt64)] = []
    for index in 0..<Int32(count) {
      var entry = GElf_Dyn()
      guard gelf_getdyn(data, index, &entry) != nil, entry.d_tag != DT_NULL else { break }
      entries.append((Int(entry.d_tag), UInt64(entry.d_un.d_val)))
    }
    func value(_ tag: Int32) -> UInt64? { entries.first { $0.tag == Int(tag) }?.value }
    guard let table = value(DT_STRTAB).flatMap({ fileOffset(of: $0, segments) }) else {
      guard value(DT_NEEDED) == nil else { throw Damage("needs libraries without names") }
      return
    }
    let tableSize = value(DT_STRSZ) ?? 0
    func name(_ index: UInt64, _ what: String) throws(Damage) -> [UInt8] {
      guard index < tableSize, case let (start, false) = table.addingReportingOverflow(index) else {
        throw Damage("has \(what) behind its end")
      }
      return try text(at: start, limit: tableSize - index, what)
    }
    for entry in entries where entry.tag == Int(DT_NEEDED) {
      facts.needed.append(try name(entry.value, "the name of a library that it needs"))
    }
    func directories(_ tag: Int32) throws(Damage) -> [[UInt8]] {
      guard let index = value(tag) else { return [] }
      return try name(index, "its library path").split(separator: UInt8(ascii: ":")).map(Array.init)
    }
    facts.rpath = try directories(DT_RPATH)
    facts.runpath = try directories(DT_RUNPATH)
    if let index = value(DT_SONAME) { facts.name = try name(index, "its name") }
  }

  /// The offset in the file of what the program will have at an address in memory.
  private func fileOffset(of address: UInt64, _ segments: [GElf_Phdr]) -> UInt64? {
    for segment in segments where segment.p_type == GElf_Word(PT_LOAD) && address >= segment.p_vaddr {
      let distance = address - segment.p_vaddr
      if distance < segment.p_filesz, case let (offset, false) = segment.p_offset.addingReportingOverflow(distance) {
        return offset
      }
    }
    return nil
  }

  /// A module is loaded by its sections, whose table most often stands at the file's end: a file that is cut off lacks it.
  private func checkSections() throws(Damage) {
    var count = 0
    guard elf_getshdrnum(elf, &count) == 0 else { throw Damage("has a damaged table of sections") }
    guard count > 1 else { throw Damage("has no sections") }
    let (size, overflows) = UInt64(count).multipliedReportingOverflow(by: UInt64(header.e_shentsize))
    guard !overflows, range(header.e_shoff, size) != nil else {
      throw Damage("is cut off: its table of sections is behind its end")
    }
    var section: OpaquePointer?
    while let next = elf_nextscn(elf, section) {
      section = next
      var header = GElf_Shdr()
      guard gelf_getshdr(next, &header) != nil else { throw Damage("has a damaged table of sections") }
      guard header.sh_type == GElf_Word(SHT_NOBITS) || range(header.sh_offset, header.sh_size) != nil else {
        throw Damage("is cut off: a section of it is behind its end")
      }
    }
  }

  /// The first word of `vermagic=` in the section `.modinfo` (the kernel's include/linux/module.h).
  private func moduleRelease() throws(Damage) -> String? {
    var names = 0
    guard elf_getshdrstrndx(elf, &names) == 0, let nameSection = elf_getscn(elf, names) else { return nil }
    var nameHeader = GElf_Shdr()
    guard gelf_getshdr(nameSection, &nameHeader) != nil, nameHeader.sh_size <= UInt64(Self.largestNameTable) else {
      throw Damage("has a damaged table of section names")
    }
    var section: OpaquePointer?
    while let next = elf_nextscn(elf, section) {
      section = next
      var header = GElf_Shdr()
      guard gelf_getshdr(next, &header) != nil, let name = elf_strptr(elf, names, Int(header.sh_name)) else { continue }
      guard strcmp(name, ".modinfo") == 0, let (offset, length) = range(header.sh_offset, header.sh_size) else {
        continue
      }
      let bytes = bytes(at: offset, count: min(length, 1 << 16))
      let prefix = Array("vermagic=".utf8)
      guard let line = bytes.split(separator: 0).first(where: { $0.starts(with: prefix) }) else { return nil }
      return OverlayPath.printable(line.dropFirst(prefix.count).prefix { $0 != UInt8(ascii: " ") })
    }
    return nil
  }

  private func text(at offset: UInt64, limit: UInt64, _ what: String) throws(Damage) -> [UInt8] {
    guard let start = Int(exactly: offset), start < size else { throw Damage("has \(what) behind its end") }
    let bytes = bytes(at: start, count: Int(min(limit, UInt64(Self.longestText))))
    guard let end = bytes.firstIndex(of: 0) else { throw Damage("has \(what) without an end") }
    return Array(bytes[..<end])
  }

  private func bytes(at offset: Int, count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = max(0, pread(descriptor, buffer.baseAddress, count, off_t(offset)))
    }
  }

  /// A part of the file; `nil` when it does not lie within the file.
  private func range(_ offset: UInt64, _ length: UInt64) -> (offset: Int, length: Int)? {
    guard let start = Int(exactly: offset), let length = Int(exactly: length), start <= size, length <= size - start
    else { return nil }
    return (start, length)
  }
}

extension ElfReader.Damage {
  fileprivate init(_ reason: String) { self.reason = reason }
}
