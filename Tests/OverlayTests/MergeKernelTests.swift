import Foundation
import Overlay
import Testing

/// `merge` against the kernel's overlayfs: random layers, stacked by the kernel, must show what their merger shows.
@Suite(.enabled(if: canMountOverlays)) struct MergeKernelTests {
  private static let seedsInOneTest: UInt64 = 20

  @Test(arguments: 0..<UInt64(6))
  func theMergedOverlayShowsWhatTheStackShows(_ block: UInt64) throws {
    // Each archive is synchronized to its medium, which is slow on a disk, so the work is done in memory.
    let scratch = try ScratchDirectory(in: access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : NSTemporaryDirectory())
    let seeds = block * Self.seedsInOneTest..<(block + 1) * Self.seedsInOneTest
    for seed in seeds { try Self.prepare(seed, in: scratch) }
    try Self.compare.write(toFile: scratch("compare.py"), atomically: false, encoding: .utf8)
    #expect(throws: Never.self) {
      try run("unshare -m --propagation private python3 '\(scratch("compare.py"))' '\(scratch.path)' >&2")
    }
  }

  /// Makes SEED/base, SEED/0, SEED/1, … and what they become together, SEED/merged.
  private static func prepare(_ seed: UInt64, in scratch: ScratchDirectory) throws {
    var random = SeededGenerator(seed: seed)
    let directory = scratch("\(seed)")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let unpacker = Unpacker()
    try RandomTree(isBase: true, &random).write(to: "\(directory)/base.cpio")
    _ = try unpacker.unpack("\(directory)/base.cpio", to: "\(directory)/base")
    try run(
      "cd '\(directory)' && mksquashfs base base.img -no-progress -quiet -noI -noD -noF -processors 1 >/dev/null")
    let count = seed.isMultiple(of: 3) ? 3 : 2
    let archives = (0..<count).map { "\(directory)/\($0).cpio" }
    for (layer, archive) in archives.enumerated() {
      try RandomTree(isBase: false, &random).write(to: archive)
      _ = try unpacker.unpack(archive, to: "\(directory)/\(layer)")
    }
    var merger = Merger()
    merger.writer = ArchiveWriter(compression: .none)
    merger.base = try BaseImage("\(directory)/base.img")
    try merger.write(try merger.plan(archives), to: "\(directory)/merged.cpio")
    _ = try unpacker.unpack("\(directory)/merged.cpio", to: "\(directory)/merged")
  }

  /// Mounts both ways in a mount namespace of its own, which takes the mounts along when it ends. A name that is listed but not there is a whiteout in a directory
  /// that only one layer has: the kernel lists it, and shows nothing behind it.
  private static let compare = #"""
    import hashlib, os, stat, subprocess, sys

    def look(root):
        found, files = {}, {}
        def add(path):
            try:
                status = os.lstat(os.path.join(root, path))
            except FileNotFoundError:
                return
            kind = stat.S_IFMT(status.st_mode)
            facts = [oct(status.st_mode), status.st_uid, status.st_gid, status.st_mtime, status.st_rdev]
            if kind == stat.S_IFREG:
                with open(os.path.join(root, path), "rb") as file:
                    facts += [status.st_size, hashlib.sha256(file.read()).hexdigest()]
                files.setdefault((status.st_dev, status.st_ino), []).append(path)
            elif kind == stat.S_IFLNK:
                facts.append(os.readlink(os.path.join(root, path)))
            found[path] = facts
            if kind == stat.S_IFDIR:
                for name in sorted(os.listdir(os.path.join(root, path))):
                    add(os.path.join(path, name))
        add("")
        for names in files.values():
            for name in names:
                found[name].append(names)
        return found

    os.chdir(sys.argv[1])
    failed = 0
    for seed in sorted(name for name in os.listdir(".") if name.isdigit()):
        views = {}
        layers = sorted((name for name in os.listdir(seed) if name.isdigit()), reverse=True)
        for view, lower in ("stack", layers + ["base"]), ("alone", ["merged", "base"]):
            os.mkdir(f"{seed}/{view}")
            options = "lowerdir=" + ":".join(f"{seed}/{name}" for name in lower)
            subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, f"{seed}/{view}"], check=True)
            views[view] = look(f"{seed}/{view}")
        for path in sorted(set(views["stack"]) | set(views["alone"])):
            stack, alone = views["stack"].get(path), views["alone"].get(path)
            if stack != alone:
                failed = 1
                print(f"seed {seed}: {path or '.'}: stacked {stack}, merged {alone}")
    sys.exit(failed)
    """#
}

private let canMountOverlays =
  geteuid() == 0 && (try? run("unshare -m mount -t tmpfs none /mnt && grep -qw overlay /proc/filesystems")) != nil

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x2545_F491_4F6C_DD1D }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

/// A small tree of few names, so that layers collide often.
private struct RandomTree {
  private var members: [(entry: Entry, text: String)] = []
  private var files: [Int] = []
  private let isBase: Bool

  init(isBase: Bool, _ random: inout SeededGenerator) {
    self.isBase = isBase
    append(.root, .directory, 0o755, &random)
    fill(.root, depth: 1, &random)
  }

  func write(to path: String) throws {
    try OverlayText(members.sorted { $0.entry.path < $1.entry.path }).write(to: path)
  }

  private mutating func fill(_ directory: OverlayPath, depth: Int, _ random: inout SeededGenerator) {
    for name in ["a", "b", "b-", "c"] where Int.random(in: 0..<10, using: &random) < 7 {
      let path = directory.appending(Array(name.utf8))
      let mode: UInt32 = [0o644, 0o755, 0o4755, 0o600].randomElement(using: &random) ?? 0
      switch Int.random(in: 0..<16, using: &random) {
      case 0..<7 where depth < 4:
        append(path, .directory, mode | 0o100, &random)
        fill(path, depth: depth + 1, &random)
      case 7..<9:
        let target = ["a", "../b", "c"].randomElement(using: &random) ?? ""
        append(path, .symlink(target: Array(target.utf8)), 0o777, &random)
      case 9..<12 where !isBase:
        append(path, .characterDevice(Entry.DeviceNumber(major: 0, minor: 0)), 0, &random)
      case 12: append(path, .fifo, mode, &random)
      case 13..<15 where !files.isEmpty:
        let other = files.randomElement(using: &random) ?? 0
        if members[other].entry.links == nil { members[other].entry.links = Entry.LinkGroup(other) }
        members.append(members[other])
        members[members.count - 1].entry.path = path
      default:
        files.append(members.count)
        let text = ["", "x", "y", "longer"].randomElement(using: &random) ?? ""
        append(path, .file(size: text.utf8.count), mode, &random, text)
      }
    }
  }

  private mutating func append(
    _ path: OverlayPath, _ kind: Entry.Kind, _ mode: UInt32, _ random: inout SeededGenerator, _ text: String = ""
  ) {
    let entry = Entry(
      path, kind, permissions: mode, owner: UInt32.random(in: 0...1, using: &random) * 1000,
      modified: 1_700_000_000 + UInt32.random(in: 0...3, using: &random))
    members.append((entry, text))
  }
}
