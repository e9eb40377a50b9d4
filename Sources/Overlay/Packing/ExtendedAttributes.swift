import CLinux
import Glibc
import SystemFiles

/// Looks at the extended attributes of a tree that is packed: a newc archive has no place for them.
public struct ExtendedAttributes {
  /// Whether the kernel shows this process the `trusted.` attributes, which mark opaque directories. It shows them only to
  /// those who have CAP_SYS_ADMIN in the first user namespace (xattr(7)).
  public static var areAllVisible: Bool {
    func words(_ path: String) -> [Substring] {
      let bytes = (try? FileSystem.contents(of: path)) ?? []
      return String(decoding: bytes, as: UTF8.self).split { " \t\n".contains($0) }
    }
    let status = words("/proc/self/status")
    guard let label = status.firstIndex(of: "CapEff:"), label + 1 < status.count,
      let capabilities = UInt64(status[label + 1], radix: 16), capabilities & 1 << 21 != 0
    else { return false }
    // Only the first user namespace maps all numbers to themselves.
    return words("/proc/self/uid_map") == ["0", "0", "4294967295"]
  }

  /// The tree's path.
  let tree: String
  let directory: SourceDirectory
  /// Whether attributes that do not say which names the tree has are left out with a warning, and are no error.
  let dropsThem: Bool

  /// Adds a sentence to `problems`, or warns, for each that would be lost.
  func check(_ path: OverlayPath, _ problems: inout [String], _ warn: (String) -> Void) throws(OverlayError) {
    let place = directory.display(path)
    for name in try names(path) {
      switch Meaning(name, value: { value(of: name, path) }) {
      case .nothing: break
      case .shape(let what, let remedy): problems.append("\(place) \(what): \(remedy)")
      case .property(let what, let remedy):
        if dropsThem {
          warn("\(place) loses \(what)")
        } else {
          problems.append("\(place) has \(what), which an archive cannot hold: \(remedy), or give --drop-xattrs")
        }
      }
    }
  }

  /// What an attribute is for.
  enum Meaning: Equatable {
    /// It has a meaning only on the file system that the tree is on: a node needs nothing of it.
    case nothing
    /// It says which names are in the tree: without it the overlay would show other files.
    case shape(String, remedy: String)
    /// It says something about one file only.
    case property(String, remedy: String)

    init(_ name: String, value: () -> [UInt8]) {
      // overlayfs uses either prefix for the same attributes (the kernel's overlayfs.rst, "userxattr").
      for prefix in ["trusted.overlay.", "user.overlay."] where name.hasPrefix(prefix) {
        self = Self.ofOverlayfs(String(name.dropFirst(prefix.count)), value: value)
        return
      }
      self =
        switch name {
        case "security.selinux": .nothing
        case "security.capability":
          .property("file capabilities", remedy: "remove them with setcap -r and set them from /opt/rc.local.hooks")
        case "system.posix_acl_access", "system.posix_acl_default":
          .property("an ACL", remedy: "remove it with setfacl -b")
        default: .property("the attribute \(name)", remedy: "remove it with setfattr -x \(name)")
        }
    }

    private static func ofOverlayfs(_ name: String, value: () -> [UInt8]) -> Meaning {
      switch name {
      case "opaque":
        value() == [UInt8(ascii: "n")]
          ? .nothing
          : .shape(
            "is an opaque directory, which hides what the base image has under it",
            remedy: "change the overlay with monorail-overlay shell, which writes it as whiteouts")
      case "redirect", "metacopy", "whiteout", "whiteouts":
        .shape(
          "has overlayfs's attribute \"\(name)\", which an archive cannot hold",
          remedy: "mount the overlay with redirect_dir=off,metacopy=off, or use monorail-overlay shell")
      default: .nothing
      }
    }
  }

  private func names(_ path: OverlayPath) throws(OverlayError) -> [String] {
    var buffer = [CChar](repeating: 0, count: 1024)
    var count = withSystemName(of: path) { llistxattr($0, &buffer, buffer.count) }
    if count < 0, errno == ERANGE {
      buffer = [CChar](repeating: 0, count: 64 << 10)
      count = withSystemName(of: path) { llistxattr($0, &buffer, buffer.count) }
    }
    guard count >= 0 else {
      if errno == EOPNOTSUPP { return [] }
      throw .system("read the extended attributes of \(directory.display(path))")
    }
    return buffer.prefix(count).split(separator: 0).map {
      String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  private func value(of attribute: String, _ path: OverlayPath) -> [UInt8] {
    var value = [UInt8](repeating: 0, count: 16)
    let count = withSystemName(of: path) { lgetxattr($0, attribute, &value, value.count) }
    return Array(value.prefix(max(0, count)))
  }

  /// These calls take no directory to start from, and no more than `PATH_MAX` bytes.
  private func withSystemName(of path: OverlayPath, _ call: ([CChar]) -> Int) -> Int {
    let name = Array(tree.utf8) + [UInt8(ascii: "/")] + path.archiveName
    guard name.count >= PATH_MAX, let parent = path.parent else { return call(name.systemName) }
    let directory = openat(
      self.directory.descriptor, parent.systemName, monorail_open_path_flag() | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return -1 }
    let result = call((Array("/proc/self/fd/\(directory)/".utf8) + path.name).systemName)
    let error = errno
    close(directory)
    errno = error
    return result
  }
}
