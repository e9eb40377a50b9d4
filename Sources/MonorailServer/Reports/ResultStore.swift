import Foundation
import JSONDocument
import Synchronization

/// Writes each report to a file of its own, `<directory>/<node>/0001.json`, indented for people.
final class ResultStore: Sendable {
  private let directory: String
  private let last = Mutex<[String: Int]>([:])

  init(directory: String) { self.directory = directory }

  /// Overwrites no file of an earlier run: the number goes on after the highest one.
  ///
  /// - Returns: the file.
  func write(_ document: JSON, of nodeID: String) throws -> String {
    guard FileStore.isValid(nodeID) else { throw APIError(.badRequest, "\(nodeID) cannot name a directory") }
    let folder = directory + "/" + nodeID
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let number = try last.withLock { last in
      let previous = try last[nodeID] ?? Self.highestNumber(in: folder)
      last[nodeID] = previous + 1
      return previous + 1
    }
    let digits = String(number)
    let file = folder + "/" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + ".json"
    try Data(document.prettyText.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
    return file
  }

  private static func highestNumber(in folder: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: folder)
      .compactMap { $0.hasSuffix(".json") ? Int($0.dropLast(5)) : nil }.max() ?? 0
  }
}
