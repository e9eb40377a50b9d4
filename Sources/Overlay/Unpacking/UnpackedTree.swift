import CLinux
import Glibc
import SystemFiles

/// A directory that an archive is unpacked into. Each name is reached from the open directory, one component after the other,
/// and no symlink is ever followed.
final class UnpackedTree {
  private let path: String
  private let root: Int32
  private let rules: Rules
  /// The directory that the last entry was in, open: most often the next entry is in it, too.
  private var parent: (path: OverlayPath, descriptor: Int32)?
  /// The files that this run has made. They are noted only where files that were there before must not be replaced.
  private var made: Set<FileNumber> = []
  private var directories: [OverlayPath: Entry] = [:]
  private var links: [Entry.LinkGroup: FirstName] = [:]
  private var passedOver: Set<OverlayPath> = []
  /// For each name whose file was replaced: how many entries were added before that, the last time.
  private var replaced: [OverlayPath: Int] = [:]
  private var count = 0
  private var impliedCount = 0

  struct Rules {
    /// Whether what is there already may be replaced.
    var replacesFiles: Bool
    /// Whether this process may give files away.
    var setsOwners: Bool
    /// Whether a device that this process may not make is passed over. A manifest says then what it is.
    var passesOverDevices: Bool
    /// The most directories to make that the archive has no entries for.
    var mostImpliedDirectories: Int
  }

  private struct FileNumber: Hashable {
    let device: UInt
    let inode: UInt

    init(_ status: stat) { (device, inode) = (status.st_dev, status.st_ino) }
  }

  /// The name that a file with several names came with first.
  private struct FirstName {
    let path: OverlayPath
    let number: FileNumber
    /// How many entries were added before it.
    let place: Int
  }

  /// A directory that was there before.
  init(_ path: String, _ rules: Rules) throws(OverlayError) {
    (self.path, self.rules) = (path, rules)
    root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard root >= 0 else { throw .system("unpack into \(path)") }
  }

  /// A new directory.
  ///
  /// - Parameters:
  ///   - path: what it is called in errors.
  ///   - name: its name in `directory`, which is open.
  init(_ path: String, _ rules: Rules, at name: String, in directory: Int32) throws(OverlayError) {
    (self.path, self.rules) = (path, rules)
    root = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard root >= 0 else { throw .system("unpack into \(path)") }
  }

  /// Whether the archive had an entry for the root.
  var hasRoot: Bool { directories[.root] != nil }

  deinit {
    if let parent { close(parent.descriptor) }
    close(root)
  }

  /// Makes what an entry says.
  ///
  /// - Parameter data: gives the next bytes of the file, `nil` at their end.
  func add(
    _ entry: Entry, data: () throws(OverlayError) -> UnsafeRawBufferPointer?
  ) throws(OverlayError) {
    count += 1
    if entry.isDirectory {
      if !entry.path.isRoot { try makeDirectory(entry) }
      directories[entry.path] = entry
      return
    }
    let parent = try openParent(of: entry.path)
    let name = entry.path.name.systemName
    if case .file(let size) = entry.kind { return try addFile(entry, size, in: parent, name, data) }
    try makeRoom(for: entry, in: parent, name)
    switch entry.kind {
    case .directory, .file: break
    case .symlink(let target):
      try attempt("make the symlink", entry) { symlinkat(target.systemName, parent, name) }
      try setAttributes(of: name, in: parent, entry)
    case .fifo: try makeNode(entry, S_IFIFO, 0, in: parent, name)
    case .socket: try makeNode(entry, S_IFSOCK, 0, in: parent, name)
    case .characterDevice(let device): try makeNode(entry, S_IFCHR, device.systemNumber, in: parent, name)
    case .blockDevice(let device): try makeNode(entry, S_IFBLK, device.systemNumber, in: parent, name)
    }
    remember(name, in: parent)
  }

  /// Gives the directories their attributes. That comes last, since a mode could have forbidden to write into a directory.
  func finish() throws(OverlayError) {
    for (path, entry) in directories.sorted(by: { $0.key > $1.key }) {
      let descriptor: Int32
      if path.isRoot {
        descriptor = dup(root)
      } else {
        let name = path.name.systemName
        descriptor = openat(
          try openParent(of: path), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      guard descriptor >= 0 else { throw failure("open the directory", entry) }
      defer { close(descriptor) }
      try setAttributes(of: descriptor, entry)
    }
  }

  private func makeDirectory(_ entry: Entry) throws(OverlayError) {
    let parent = try openParent(of: entry.path)
    let name = entry.path.name.systemName
    if let there = status(of: name, in: parent) {
      if there.st_mode & S_IFMT == S_IFDIR { return }
      try makeRoom(for: entry, in: parent, name)
    }
    passedOver.remove(entry.path)
    try attempt("make the directory", entry) { mkdirat(parent, name, 0o700) }
    remember(name, in: parent)
  }

  private func remember(_ name: [CChar], in parent: Int32) {
    guard !rules.replacesFiles, let status = status(of: name, in: parent) else { return }
    made.insert(FileNumber(status))
  }

  /// Removes what stands where the entry goes: the archive's own earlier entry of that name, or, when that is wanted, a file
  /// that was there before.
  private func makeRoom(for entry: Entry, in parent: Int32, _ name: [CChar]) throws(OverlayError) {
    passedOver.remove(entry.path)
    guard let there = status(of: name, in: parent) else { return }
    guard rules.replacesFiles || made.contains(FileNumber(there)) else {
      throw OverlayError("\"\(entry.path)\" exists in \(path) already; --force replaces it")
    }
    let isDirectory = there.st_mode & S_IFMT == S_IFDIR
    try attempt(isDirectory ? "replace the directory" : "replace", entry) {
      unlinkat(parent, name, isDirectory ? AT_REMOVEDIR : 0)
    }
    made.remove(FileNumber(there))
    if isDirectory {
      directories[entry.path] = nil
      if let cached = self.parent, cached.path == entry.path {
        close(cached.descriptor)
        self.parent = nil
      }
    } else {
      replaced[entry.path] = count
    }
  }

  private func addFile(
    _ entry: Entry, _ size: Int, in parent: Int32, _ name: [CChar],
    _ data: () throws(OverlayError) -> UnsafeRawBufferPointer?
  ) throws(OverlayError) {
    let isLink = try link(entry, in: parent, name)
    if isLink, size == 0 { return try setAttributes(of: name, in: parent, entry) }
    if isLink {
      // The file may have become read-only under its first name.
      try attempt("write", entry) { fchmodat(parent, name, 0o600, AT_SYMLINK_NOFOLLOW) }
    } else {
      try makeRoom(for: entry, in: parent, name)
    }
    let descriptor = openat(
      parent, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (isLink ? 0 : O_CREAT | O_EXCL), 0o600)
    guard descriptor >= 0 else { throw failure("create", entry) }
    defer { close(descriptor) }
    if isLink {
      try checkIsMade(descriptor, entry)
      try attempt("write", entry) { ftruncate(descriptor, 0) }
    }
    guard try SparseContent(size: size).write(data, to: descriptor) else { throw failure("write", entry) }
    try setAttributes(of: descriptor, entry)
    guard !isLink, entry.links != nil || !rules.replacesFiles else { return }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("look at", entry) }
    if !rules.replacesFiles { made.insert(FileNumber(status)) }
    if let links = entry.links {
      self.links[links] = FirstName(path: entry.path, number: FileNumber(status), place: count)
    }
  }

  /// Checks that an open file is what this run has made for an entry.
  ///
  /// Another user who may write to the directory could have put a file of their own under the name. It must not get the
  /// entry's owner and mode: with those of a setuid program, that user's file would run as root.
  private func checkIsMade(_ descriptor: Int32, _ entry: Entry) throws(OverlayError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("look at", entry) }
    let type = status.st_mode & S_IFMT
    let isMade =
      switch entry.kind {
      case .directory: type == S_IFDIR
      case .file: entry.links.map { links[$0]?.number == FileNumber(status) } ?? false
      case .symlink: type == S_IFLNK
      case .fifo: type == S_IFIFO
      case .socket: type == S_IFSOCK
      case .characterDevice(let device): type == S_IFCHR && status.st_rdev == device.systemNumber
      case .blockDevice(let device): type == S_IFBLK && status.st_rdev == device.systemNumber
      }
    guard isMade else { throw OverlayError("\"\(entry.path)\" was replaced by another program meanwhile") }
  }

  /// Makes the entry another name of its file, when the file is there.
  private func link(_ entry: Entry, in parent: Int32, _ name: [CChar]) throws(OverlayError) -> Bool {
    guard let group = entry.links, let first = links[group] else { return false }
    let isThere = replaced[first.path].map { $0 < first.place } ?? true
    if isThere, let there = status(of: name, in: parent), FileNumber(there) == first.number { return true }
    try makeRoom(for: entry, in: parent, name)
    let source = try descend(to: first.path.parent ?? .root)
    defer { if source != root { close(source) } }
    let sourceName = first.path.name.systemName
    guard isThere, let there = status(of: sourceName, in: source),
      FileNumber(there) == first.number, there.st_mode & S_IFMT == S_IFREG
    else {
      throw OverlayError("\"\(entry.path)\" is another name of \"\(first.path)\", which the archive has replaced since")
    }
    try attempt("link", entry) { linkat(source, sourceName, parent, name, 0) }
    return true
  }

  private func makeNode(
    _ entry: Entry, _ type: mode_t, _ device: dev_t, in parent: Int32, _ name: [CChar]
  ) throws(OverlayError) {
    guard mknodat(parent, name, type | 0o600, device) == 0 else {
      if errno == EPERM, rules.passesOverDevices {
        passedOver.insert(entry.path)
        return
      }
      throw failure("make the \(entry.kind)", entry)
    }
    try setAttributes(of: name, in: parent, entry)
  }
}

// MARK: - Reaching names

extension UnpackedTree {
  /// The directory that a path is in; open until the next call.
  private func openParent(of path: OverlayPath) throws(OverlayError) -> Int32 {
    guard let wanted = path.parent, !wanted.isRoot else { return root }
    if let parent, parent.path == wanted { return parent.descriptor }
    let descriptor = try descend(to: wanted)
    if let parent { close(parent.descriptor) }
    parent = (wanted, descriptor)
    return descriptor
  }

  /// Opens a directory, and makes it where the archive had no entry for it.
  private func descend(to path: OverlayPath) throws(OverlayError) -> Int32 {
    if path.isRoot { return root }
    let found = monorail_open_beneath(root, path.systemName)
    if found >= 0 { return found }
    var descriptor = root
    var reached = OverlayPath.root
    for component in path.components {
      reached = reached.appending(component)
      let name = component.systemName
      let flags = monorail_open_path_flag() | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
      var next = openat(descriptor, name, flags)
      if next < 0, errno == ENOENT {
        if try makeImpliedDirectory(reached, in: descriptor, name) { next = openat(descriptor, name, flags) }
      }
      let error = errno
      if descriptor != root { close(descriptor) }
      guard next >= 0 else {
        guard error == ENOTDIR || error == ELOOP else {
          throw OverlayError(SystemError("open the directory \"\(reached)\"", errno: error))
        }
        throw OverlayError(Self.noDirectory(reached))
      }
      descriptor = next
    }
    return descriptor
  }

  // A few kilobytes of long names could ask for a million directories. In an archive of files only, each file of a real tree
  // needs a few directories; one name can need 2047.
  private static let impliedDirectories = 4096
  private static let impliedDirectoriesPerEntry = 16

  /// - Returns: `false` when it cannot; `errno` says why.
  private func makeImpliedDirectory(
    _ path: OverlayPath, in parent: Int32, _ name: [CChar]
  ) throws(OverlayError) -> Bool {
    func refuse(_ reason: String) throws(OverlayError) -> Never {
      if parent != root { close(parent) }
      throw OverlayError(reason)
    }
    guard !passedOver.contains(path) else { try refuse(Self.noDirectory(path)) }
    impliedCount += 1
    guard impliedCount <= rules.mostImpliedDirectories else {
      try refuse(
        "the archive has no entries for more than \(rules.mostImpliedDirectories) of its directories; --max-entries raises"
          + " this limit")
    }
    guard impliedCount <= Self.impliedDirectories + Self.impliedDirectoriesPerEntry * count else {
      try refuse(
        "the archive has no entries for \(impliedCount) directories that its first \(count) entries are in: that is no"
          + " overlay, but an archive that was made to fill disks")
    }
    guard mkdirat(parent, name, 0o755) == 0 else { return false }
    remember(name, in: parent)
    directories[path] = Entry(path, .directory, permissions: 0o755)
    return true
  }

  private static func noDirectory(_ path: OverlayPath) -> String {
    "\"\(path)\" is needed as a directory, but it is a symlink or a file"
  }

  private func status(of name: [CChar], in parent: Int32) -> stat? {
    var status = stat()
    return fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
  }

  private func attempt(_ what: String, _ entry: Entry, _ call: () -> Int32) throws(OverlayError) {
    guard call() == 0 else { throw failure(what, entry) }
  }

  private func failure(_ what: String, _ entry: Entry) -> OverlayError {
    MediumSpace.failure(
      "\(what) \"\(entry.path)\"", root, path,
      needed: entry.size > 0 ? "this file alone has \(MediumSpace.text(entry.size))" : nil,
      elsewhere: StagingDirectory.elsewhere)
  }

  /// Without root, where only a manifest says the true ones: permissions that leave a file to its owner, and give nobody the
  /// rights of who happens to unpack it.
  private func permissions(_ entry: Entry) -> mode_t {
    if rules.setsOwners { return entry.permissions }
    return entry.permissions & 0o1777 | (entry.isDirectory ? 0o700 : 0o600)
  }

  private func setAttributes(of descriptor: Int32, _ entry: Entry) throws(OverlayError) {
    if rules.setsOwners {
      try attempt("set the owner of", entry) { fchown(descriptor, entry.owner, entry.group) }
    }
    // Changing the owner takes setuid away.
    try attempt("set the mode of", entry) { fchmod(descriptor, permissions(entry)) }
    try attempt("set the time of", entry) { futimens(descriptor, times(entry)) }
  }

  private func setAttributes(of name: [CChar], in parent: Int32, _ entry: Entry) throws(OverlayError) {
    let descriptor = openat(parent, name, monorail_open_path_flag() | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("look at", entry) }
    defer { close(descriptor) }
    try checkIsMade(descriptor, entry)
    if rules.setsOwners {
      try attempt("set the owner of", entry) {
        fchownat(descriptor, "", entry.owner, entry.group, monorail_empty_path_flag())
      }
    }
    if case .symlink = entry.kind {
    } else {
      // fchmod(2) takes no descriptor of O_PATH.
      try attempt("set the mode of", entry) { chmod("/proc/self/fd/\(descriptor)", permissions(entry)) }
    }
    try attempt("set the time of", entry) { utimensat(parent, name, times(entry), AT_SYMLINK_NOFOLLOW) }
  }

  private func times(_ entry: Entry) -> [timespec] {
    let time = timespec(tv_sec: Int(entry.modified), tv_nsec: 0)
    return [time, time]
  }
}
