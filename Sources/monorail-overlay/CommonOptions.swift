import ArgumentParser
import Glibc
import Overlay
import SystemFiles

struct CompressionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "gzip, zstd (kernels from 5.9), xz or none (default: as the archive's name says: .gz, .zst, .xz or .cpio; else gzip).",
      valueName: "format"))
  var compression: CompressionFormat?

  @Option(help: "How hard to compress: gzip 1-12 (6), zstd 1-19 (11), xz 0-9 (3).")
  var level: Int?

  /// - Parameter path: the archive to write.
  func writer(for path: String) throws -> ArchiveWriter {
    let format = try CompressionFormat(checking: path, chosen: compression)
    try format.check(level)
    return ArchiveWriter(compression: format, level: level)
  }
}

extension CompressionFormat {
  /// The format of the archive at `path`; that its name and what was asked for contradict each other is wrong usage.
  init(checking path: String, chosen: CompressionFormat?) throws {
    do throws(OverlayError) { try self.init(named: path, chosen: chosen) } catch {
      throw ValidationError(error.description)
    }
  }

  func check(_ level: Int?) throws {
    guard let level, !levels.contains(level) else { return }
    guard self != .none else {
      throw ValidationError("--level \(level): an archive that is not compressed has no level")
    }
    throw ValidationError("--level \(level): \(rawValue) takes \(levels.lowerBound) to \(levels.upperBound)")
  }
}

extension CompressionFormat: ExpressibleByArgument {}

struct LimitOptions: ParsableArguments {
  @Option(help: "The most that the archive may hold, decompressed: bytes, or with a K, M, G or T behind it.")
  var maxSize = ByteCount(ArchiveLimits().size)

  @Option(help: "The most entries that the archive may have.")
  var maxEntries = ArchiveLimits().entries

  var limits: ArchiveLimits { ArchiveLimits(size: maxSize.bytes, entries: maxEntries) }
}

/// `16G`
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let bytes: Int

  private static let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]

  init(_ bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    let unit = argument.last.flatMap { Self.units[Character($0.uppercased())] }
    guard let number = Int(unit == nil ? argument[...] : argument.dropLast()), number > 0 else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow else { return nil }
    self.bytes = bytes
  }

  var defaultValueDescription: String { description }

  var description: String {
    let unit = Self.units.sorted { $0.value > $1.value }.first { bytes % $0.value == 0 }
    return unit.map { "\(bytes / $0.value)\($0.key)" } ?? "\(bytes)"
  }
}

struct TimeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The latest time that an entry has: seconds since 1970, or keep (default: SOURCE_DATE_EPOCH).",
      valueName: "seconds|keep"))
  var mtime: String?

  func times(default standard: Packer.Times) throws -> Packer.Times {
    if mtime == "keep" { return .kept }
    if let mtime { return .clamped(to: try Self.seconds(mtime, "--mtime")) }
    return try Self.sourceDateEpoch().map { .clamped(to: $0) } ?? standard
  }

  /// `SOURCE_DATE_EPOCH`, in seconds since 1970 (https://reproducible-builds.org/specs/source-date-epoch/). An empty one, as CI
  /// systems have it, is none.
  static func sourceDateEpoch() throws -> UInt32? {
    let name = "SOURCE_DATE_EPOCH"
    guard let text = Surroundings.environment[name], !text.isEmpty else { return nil }
    return try seconds(text, name)
  }

  private static func seconds(_ text: String, _ name: String) throws -> UInt32 {
    guard let seconds = UInt32(text) else {
      throw ValidationError("\(name): \"\(text)\" is no number of seconds since 1970")
    }
    return seconds
  }
}

struct RequiredFilesOptions: ParsableArguments {
  @Option(help: "The agent (default: dist/monorail-agent of the checkout).", completion: .file())
  var agent: String?

  @Option(help: "The skeleton of every overlay (default: overlay-skel of the checkout).", completion: .directory)
  var skeleton: String?

  @Option(help: "What becomes /etc/rc.local (default: rc.local of the checkout).", completion: .file())
  var rcLocal: String?

  @Flag(help: "Leave the required files out.")
  var noRequired = false

  func files() throws -> RequiredFiles? {
    if noRequired { return nil }
    let checkout = Checkout.directory
    func place(_ given: String?, _ name: String, _ option: String) throws -> String {
      if let given { return given }
      guard let checkout else {
        throw OverlayError(
          "cannot find \(name): neither the current directory nor one above this program has an overlay-skel and an"
            + " rc.local; give \(option), or --no-required")
      }
      return "\(checkout)/\(name)"
    }
    return RequiredFiles(
      skeleton: try place(skeleton, "overlay-skel", "--skeleton DIR"),
      rcLocal: try place(rcLocal, "rc.local", "--rc-local FILE"),
      agent: try place(agent, "dist/monorail-agent", "--agent FILE"))
  }
}

/// Where this project's files are.
enum Checkout {
  /// The current directory, or the nearest one above the program, that has the skeleton.
  static var directory: String? {
    let program = Path.resolved("/proc/self/exe").map { Path.split($0).directory }
    let above = sequence(first: program ?? "/") { $0 == "/" ? nil : Path.split($0).directory }
    return (["."] + above).first { directory in
      ["overlay-skel", "rc.local"].allSatisfy { FileSystem.exists("\(directory)/\($0)") }
    }
  }
}
