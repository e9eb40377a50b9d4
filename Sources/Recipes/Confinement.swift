import Glibc
import SystemFiles

/// What a recipe may read of this machine: what is in its own directory, and what `--allow` names.
struct Confinement {
  /// Why a recipe may not use a path, or cannot.
  struct Refusal: Error {
    let message: String
  }

  /// From the root on, without symlinks.
  let directory: String
  /// The same.
  private let permitted: [String]

  /// - Parameters:
  ///   - directory: without symlinks.
  ///   - permitted: without symlinks.
  init(_ directory: String, permitted: [String]) { (self.directory, self.permitted) = (directory, permitted) }

  /// The file that a recipe names.
  ///
  /// - Parameter text: as it stands in the recipe, relative to the recipe's directory.
  /// - Returns: its path from the root on, without symlinks.
  func resolve(_ text: String) throws(Refusal) -> (path: String, kind: FileKind) {
    let isAbsolute = text.utf8.first == UInt8(ascii: "/")
    let straight = Self.withoutDots(isAbsolute ? text : "\(directory)/\(text)")
    let remedy = "move it there, or allow it with --allow \(isAbsolute ? text : straight)"
    // Before anything is looked at: what is outside is nobody's business, also not whether it is there.
    guard isPermitted(straight) || !isAbsolute && Self.isInside(straight, directory) else {
      throw Refusal(
        message: isAbsolute
          ? "\(text.quoted) is an absolute path, and paths of a recipe are relative to its directory; \(remedy)"
          : "\(text.quoted) leads out of the recipe's directory; \(remedy)")
    }
    guard let path = Path.resolved(straight) else {
      throw Refusal(
        message: errno == ENOENT
          ? "there is no file \(text.quoted) in the recipe's directory, \(directory)"
          : SystemError("use \(text.quoted)").description)
    }
    guard Self.isInside(path, directory) || isPermitted(path) else {
      throw Refusal(
        message:
          "\(text.quoted) leads to \(path) through a symlink, out of the recipe's directory; put the file itself there,"
          + " or allow it with --allow \(path)")
    }
    guard let kind = FileKind(of: path) else { throw Refusal(message: SystemError("use \(text.quoted)").description) }
    guard access(path, kind == .directory ? R_OK | X_OK : R_OK) == 0 else {
      throw Refusal(message: SystemError("read \(text.quoted)").description)
    }
    return (path, kind)
  }

  private func isPermitted(_ path: String) -> Bool { permitted.contains { Self.isInside(path, $0) } }

  /// Whether a path is the directory or in it. Compared by bytes, as the kernel does.
  private static func isInside(_ path: String, _ directory: String) -> Bool {
    let directory = directory == "/" ? "" : directory
    let rest = Array(path.utf8.dropFirst(directory.utf8.count))
    return path.utf8.starts(with: directory.utf8) && (rest.isEmpty || rest.first == UInt8(ascii: "/"))
  }

  /// - Returns: a path from the root on.
  static func withoutDots(_ path: String) -> String {
    var names: [String] = []
    for name in Path.components(path) where name != "." {
      if name == ".." { _ = names.popLast() } else { names.append(name) }
    }
    return "/" + names.joined(separator: "/")
  }
}
