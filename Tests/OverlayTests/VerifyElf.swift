/// Writes small ELF files with the fields that a test gives: any machine, any libraries, also damaged ones, which no
/// compiler makes.
struct VerifyElf {
  enum Machine: String {
    case x8664 = "x86_64"
    case i386, aarch64
    case bigEndianArm = "aarch64_be"
  }

  var machine = Machine.x8664
  var interpreter: String?
  var needed: [String] = []
  var rpath: String?
  var runpath: String?
  var name: String?
  /// Makes it a kernel module with this `vermagic`.
  var vermagic: String?

  private var is64Bit: Bool { machine != .i386 }

  var bytes: [UInt8] { vermagic.map(module) ?? program }

  private var program: [UInt8] {
    var strings: [UInt8] = [0]
    func string(_ text: String) -> Int {
      defer { strings += Array(text.utf8) + [0] }
      return strings.count
    }
    var dynamic: [(tag: Int, value: Int)] = needed.map { (1, string($0)) }
    if let name { dynamic.append((14, string(name))) }
    if let rpath { dynamic.append((15, string(rpath))) }
    if let runpath { dynamic.append((29, string(runpath))) }
    let isDynamic = !dynamic.isEmpty || interpreter != nil
    let interpreterBytes: [UInt8] = interpreter.map { Array($0.utf8) + [0] } ?? []
    let segmentCount = 1 + (isDynamic ? 1 : 0) + (interpreter == nil ? 0 : 1)
    let interpreterStart = headerSize + segmentCount * segmentSize
    let stringsStart = interpreterStart + interpreterBytes.count
    let dynamicStart = (stringsStart + strings.count + 7) / 8 * 8
    if isDynamic { dynamic += [(5, stringsStart), (10, strings.count), (0, 0)] }
    let end = dynamicStart + dynamic.count * 2 * wordSize

    var bytes = header(type: isDynamic ? 3 : 2, segments: segmentCount, sectionTable: 0, sections: 0)
    bytes += segment(type: 1, offset: 0, size: end)
    if interpreter != nil { bytes += segment(type: 3, offset: interpreterStart, size: interpreterBytes.count) }
    if isDynamic { bytes += segment(type: 2, offset: dynamicStart, size: dynamic.count * 2 * wordSize) }
    bytes += interpreterBytes + strings
    bytes += repeatElement(0, count: dynamicStart - bytes.count)
    for (tag, value) in dynamic { bytes += word(tag) + word(value) }
    return bytes
  }

  private func module(_ vermagic: String) -> [UInt8] {
    let information = Array("license=GPL\0vermagic=\(vermagic) SMP preempt mod_unload \0".utf8)
    let names = Array("\0.modinfo\0.shstrtab\0".utf8)
    let table = (headerSize + information.count + names.count + 7) / 8 * 8
    var bytes = header(type: 1, segments: 0, sectionTable: table, sections: 3) + information + names
    bytes += repeatElement(0, count: table - bytes.count)
    bytes += section(name: 0, type: 0, offset: 0, size: 0)
    bytes += section(name: 1, type: 1, offset: headerSize, size: information.count)
    bytes += section(name: 10, type: 3, offset: headerSize + information.count, size: names.count)
    return bytes
  }

  private var wordSize: Int { is64Bit ? 8 : 4 }
  private var headerSize: Int { is64Bit ? 64 : 52 }
  private var segmentSize: Int { is64Bit ? 56 : 32 }

  private func header(type: Int, segments: Int, sectionTable: Int, sections: Int) -> [UInt8] {
    let number =
      switch machine {
      case .x8664: 62
      case .i386: 3
      case .aarch64, .bigEndianArm: 183
      }
    let identity: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, is64Bit ? 2 : 1, machine == .bigEndianArm ? 2 : 1, 1, 0]
    return identity + repeatElement(0, count: 8) + half(type) + half(number) + quad(1) + word(0)
      + word(segments > 0 ? headerSize : 0) + word(sectionTable) + quad(0) + half(headerSize)
      + half(segmentSize) + half(segments) + half(is64Bit ? 64 : 40) + half(sections) + half(max(0, sections - 1))
  }

  private func segment(type: Int, offset: Int, size: Int) -> [UInt8] {
    is64Bit
      ? quad(type) + quad(5) + word(offset) + word(offset) + word(offset) + word(size) + word(size) + word(8)
      : quad(type) + word(offset) + word(offset) + word(offset) + word(size) + word(size) + quad(5) + word(4)
  }

  private func section(name: Int, type: Int, offset: Int, size: Int) -> [UInt8] {
    quad(name) + quad(type) + word(0) + word(0) + word(offset) + word(size) + quad(0) + quad(0) + word(1) + word(0)
  }

  private func half(_ value: Int) -> [UInt8] { number(value, 2) }
  private func quad(_ value: Int) -> [UInt8] { number(value, 4) }
  private func word(_ value: Int) -> [UInt8] { number(value, wordSize) }

  private func number(_ value: Int, _ count: Int) -> [UInt8] {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    return machine == .bigEndianArm ? bytes.reversed() : bytes
  }
}
