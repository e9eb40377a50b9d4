import CLinux
import Glibc

/// Looks at the extended attributes of a tree that is packed: a newc archive has no place for them.
struct ExtendedAttributes {
  let tree: String
  /// What a path of it is called in errors.
  let display: (OverlayPath) -> String
  /// The tree's directory, open.
  let descriptor: Int32
  /// Whether those that change nothing about the tree's shape are left out with a warning.
  let dropsThem: Bool

  /// Adds a sentence to `problems`, or warns, for each that would be lost.
  func check(_ path: OverlayPath, _ problems: inout [String], _ warn: (String) -> Void) throws(OverlayError) {
    let place = display(path)
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
    /// It matters only where it is.
    case nothing
    /// It says what is in the tree.
    case shape(String, remedy: String)
    /// It says something about one file.
    case property(String, remedy: String)

    init(_ name: String, value: () -> [UInt8]) {
      // The same attributes stand under either name (the kernel's overlayfs.rst, "userxattr").
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
      throw .system("read the extended attributes of \(display(path))")
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
    let directory = openat(descriptor, parent.systemName, monorail_open_path_flag() | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return -1 }
    let result = call((Array("/proc/self/fd/\(directory)/".utf8) + path.name).systemName)
    let error = errno
    close(directory)
    errno = error
    return result
  }
}
