import Glibc
import SystemFiles

/// A directory whose contents become an overlay.
public final class SourceTree: Sendable {
  private let path: String
  private let directory: SourceDirectory

  /// - Parameter name: what it is called in errors, when not by its path.
  public init(_ path: String, name: String? = nil) throws(OverlayError) {
    self.path = path
    directory = try SourceDirectory(path, name: name ?? path)
  }

  /// Where the bytes of its files come from.
  var content: Content { .directory(directory) }

  /// Everything in the directory, and the directory itself as the overlay's root, in the order of the paths; owners and
  /// times as they are.
  ///
  /// - Parameters:
  ///   - dropsAttributes: whether ACLs, capabilities and other extended attributes are left out, with a warning for each;
  ///     else they are errors.
  /// - Throws: one error that names everything an archive cannot hold.
  public func members(
    dropsAttributes: Bool = false, warn: (String) -> Void = { _ in }
  ) throws(OverlayError) -> [Member] {
    try walk(dropsAttributes: dropsAttributes, warn: warn).sorted { $0.entry.path < $1.entry.path }
  }

  /// The same, each directory before what is in it, but in no other order.
  func walk(dropsAttributes: Bool, warn: (String) -> Void) throws(OverlayError) -> [Member] {
    var groups: [FileNumber: Entry.LinkGroup] = [:]
    var problems: [String] = []
    let root = try status(of: .root)
    var members = [try member(.root, root, &groups)]
    var directories = [OverlayPath.root]
    let attributes = ExtendedAttributes(
      tree: path, directory: directory, dropsThem: dropsAttributes)
    try attributes.check(.root, &problems, warn)
    while let parent = directories.popLast() {
      for name in try names(in: parent) {
        let path = parent.appending(name)
        let status = try status(of: path)
        try attributes.check(path, &problems, warn)
        if status.st_mode & S_IFMT == S_IFDIR {
          guard status.st_dev == root.st_dev else {
            problems.append("\(directory.display(path)) is a mount point: unmount it, or copy what is needed from it")
            continue
          }
          directories.append(path)
        }
        members.append(try member(path, status, &groups))
        if let problem = NewcLimits.problem(with: members[members.count - 1].entry) { problems.append(problem) }
      }
    }
    guard problems.isEmpty else { throw OverlayError(Self.list(problems)) }
    return members
  }

  private struct FileNumber: Hashable {
    let device: UInt
    let inode: UInt
  }

  private static func list(_ problems: [String]) -> String {
    let most = 20
    let rest = problems.count > most ? ["and \(problems.count - most) more"] : []
    return (problems.sorted().prefix(most) + rest).joined(separator: "\n")
  }

  private func status(of path: OverlayPath) throws(OverlayError) -> stat {
    var status = stat()
    guard fstatat(directory.descriptor, path.systemName, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw .system("look at \(directory.display(path))")
    }
    return status
  }

  private func names(in path: OverlayPath) throws(OverlayError) -> [[UInt8]] {
    guard let names = FileSystem.names(in: path.systemName, of: directory.descriptor) else {
      throw .system("read the directory \(directory.display(path))")
    }
    return names
  }

  private func member(
    _ path: OverlayPath, _ status: stat, _ groups: inout [FileNumber: Entry.LinkGroup]
  ) throws(OverlayError) -> Member {
    var entry = Entry(
      path, try kind(of: path, status), permissions: status.st_mode & 0o7777, owner: status.st_uid,
      group: status.st_gid,
      modified: UInt32(clamping: status.st_mtim.tv_sec))
    guard case .file = entry.kind else { return Member(entry) }
    if status.st_nlink > 1 {
      let number = FileNumber(device: status.st_dev, inode: status.st_ino)
      entry.links = groups[number] ?? Entry.LinkGroup(groups.count)
      groups[number] = entry.links
    }
    return Member(entry, content)
  }

  private func kind(of path: OverlayPath, _ status: stat) throws(OverlayError) -> Entry.Kind {
    let device = Entry.DeviceNumber(status.st_rdev)
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .directory
    case S_IFLNK: return .symlink(target: try target(of: path))
    case S_IFIFO: return .fifo
    case S_IFSOCK: return .socket
    case S_IFCHR: return .characterDevice(device)
    case S_IFBLK: return .blockDevice(device)
    default: return .file(size: Int(status.st_size))
    }
  }

  private func target(of path: OverlayPath) throws(OverlayError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = buffer.withUnsafeMutableBytes { buffer in
      buffer.baseAddress.map { readlinkat(directory.descriptor, path.systemName, $0, buffer.count) } ?? -1
    }
    guard count >= 0 else { throw .system("read the symlink \(directory.display(path))") }
    return Array(buffer.prefix(count))
  }
}

extension Entry.DeviceNumber {
  /// Linux's encoding of a device number in 64 bits (glibc's sys/sysmacros.h).
  init(_ number: dev_t) {
    self.init(
      major: UInt32((number >> 8 & 0xFFF) | (number >> 32 & 0xFFFF_F000)),
      minor: UInt32((number & 0xFF) | (number >> 12 & 0xFFFF_FF00)))
  }

  var systemNumber: dev_t {
    let (major, minor) = (dev_t(major), dev_t(minor))
    return (major & 0xFFF) << 8 | (major & 0xFFFF_F000) << 32 | (minor & 0xFF) | (minor & 0xFFFF_FF00) << 12
  }
}
