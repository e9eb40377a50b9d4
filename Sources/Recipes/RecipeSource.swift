import Glibc
import Overlay
import SystemFiles

/// Looks at what a recipe names, without reading whole files: what cannot become a part of an overlay is found before a build
/// begins.
public enum RecipeSource {
  /// Why a file cannot be copied into an overlay; `nil` when it can.
  ///
  /// - Parameter shown: what people call it.
  public static func problem(withFile path: String, shown: String) -> String? {
    var status = stat()
    guard stat(path, &status) == 0 else { return SystemError("look at \(shown)").description }
    guard status.st_size > NewcLimits.largestFile else { return nil }
    return "\(shown) has \(status.st_size) bytes; a file in an overlay has less than 4 GiB"
  }

  enum Purpose {
    /// It is copied into the overlay.
    case files
    /// Kernel modules are built of it.
    case modules
  }

  /// What in a directory cannot be used, a sentence for each, at most 20.
  static func problems(inDirectory path: String, shown: String, for purpose: Purpose) -> [String] {
    let members: [Member]
    do throws(OverlayError) {
      members = try SourceTree(path, name: shown).members(dropsAttributes: purpose == .modules)
    } catch { return error.description.split(separator: "\n").map(String.init) }
    var problems: [String] = []
    for member in members where problems.count < 20 {
      let entry = member.entry
      switch entry.kind {
      case .directory, .symlink: continue
      case .file:
        // A recipe's own paths are text.
        if purpose == .files, String(validating: entry.path.bytes, as: UTF8.self) == nil {
          problems.append("\(shown)/\(entry.path) has a name that is not UTF-8: rename it")
        }
      default:
        let remedy =
          switch purpose {
          case .files: "which a recipe does not copy; make it in \"commands\""
          case .modules: "which is no part of a module's source: remove it"
          }
        problems.append("\(shown)/\(entry.path) is a \(entry.kind), \(remedy)")
      }
    }
    return problems
  }

  /// Whether a file begins as a Debian package does (deb(5)): an ar archive whose first member is `debian-binary`.
  static func isDebianPackage(_ path: String) -> Bool {
    let start = Array("!<arch>\ndebian-binary".utf8)
    var buffer = [UInt8](repeating: 0, count: start.count)
    do throws(SystemError) {
      let file = try File(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
      let count = buffer.withUnsafeMutableBytes { Descriptor.read(file.descriptor, into: $0, at: 0) }
      return count == start.count && buffer == start
    } catch { return false }
  }
}
