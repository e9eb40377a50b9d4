import Foundation
import JSONDocument
import Workflows

/// The definitions in the files of a directory, at any depth.
///
/// A file has one definition or a list of them. A file of the directory itself may also be a task set, which a push can
/// name.
public struct WorkflowFiles: Sendable {
  /// What the files hold.
  public private(set) var library = DefinitionLibrary()
  /// What is wrong with them, a line for each mistake, with file, definition and task.
  public private(set) var mistakes: [String] = []

  /// A file with more bytes is a mistake.
  static let maximumBytes = 8 << 20

  /// - Parameter directory: may be a link; links in it are not followed.
  public init(_ directory: String) {
    // The enumerator finds nothing behind a link.
    let resolved = URL(fileURLWithPath: directory).resolvingSymlinksInPath().path
    let names = FileManager.default.enumerator(atPath: resolved)?.compactMap { $0 as? String } ?? []
    for name in names.filter({ $0.hasSuffix(".json") }).sorted() {
      let path = directory + "/" + name
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      read(path, bytes: Int(status.st_size), mayBeTaskSet: !name.contains("/"))
    }
  }

  private mutating func read(_ path: String, bytes: Int, mayBeTaskSet: Bool) {
    guard bytes <= Self.maximumBytes else {
      mistakes.append("\(path): the file has \(bytes) bytes; \(Self.maximumBytes) are the most")
      return
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      mistakes.append("\(path): the file cannot be read")
      return
    }
    let document: JSON
    do {
      document = try JSON(parsing: Array(data), maximumValues: 20 * GraphDefinition.mostValues)
    } catch {
      // The text of a task set may be JSON only when its variables are filled in.
      if Self.namesDefinition(data) { mistakes.append("\(path): \(error)") }
      return
    }
    let elements = document.arrayValue ?? [document]
    // Directories of definitions have other JSON beside them, such as settings of editors.
    guard
      elements.contains(where: {
        $0["injectableName"] != nil || $0["implementsTask"] != nil || !mayBeTaskSet && $0["friendlyName"] != nil
      })
    else { return }
    let file = DefinitionFile(document)
    var found = file.mistakes
    for task in file.tasks {
      do { try library.add(task: task) } catch { found.append(error) }
    }
    for graph in file.graphs {
      do {
        library.add(graph: try GraphDefinition(graph, strictness: .file))
      } catch { found.append(error) }
    }
    mistakes += found.map { mistake in
      [path, mistake.place, mistake.message].compactMap(\.self).joined(separator: ": ")
    }
  }

  /// Whether the text of a file is of definitions rather than of a task set.
  static func namesDefinition(_ data: Data) -> Bool {
    ["\"injectableName\"", "\"implementsTask\""].contains { data.range(of: Data($0.utf8)) != nil }
  }
}
