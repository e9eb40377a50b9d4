import CJSONC
import Catalogs
import Foundation
import JSONDocument
import MonorailProtocol
import MonorailStore

/// What a report says: how its tasks went, and the catalogs that their outputs make.
///
/// A report can hold 50 MB of output. json-c checks all of it; what makes no catalog becomes no Swift value. So the answer
/// comes in time also from an unoptimized build.
struct ReportContents {
  /// Without their outputs.
  let tasks: [NodeTask]
  let catalogs: [Catalog]
  /// The mark of a task set of a run.
  let mark: String?
  /// All of the report; `nil` unless it was asked for.
  let document: JSON?

  /// For each task that failed, its command and how it failed.
  var failures: [String] {
    tasks.compactMap { task in
      let outcome = TaskOutcome(task)
      return outcome.isFailure ? "\(task.command ?? task.downloadURL ?? "?"): \(outcome)" : nil
    }
  }

  /// - Parameter wholly: whether all of it is needed as a value, too.
  /// - Throws: `APIError` 400 for what `JSON` does not take either. A document that is no task set has no tasks.
  init(parsing body: [UInt8], wholly: Bool = false) throws(APIError) {
    guard let tokener = json_tokener_new_ex(Int32(JSON.maximumDepth)) else { throw APIError(.internalServerError) }
    defer { json_tokener_free(tokener) }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8)
    // json-c ends a document at a NUL, and needs one to know that a bare number is complete.
    let hasNUL = body.withUnsafeBytes { $0.baseAddress.map { memchr($0, 0, body.count) != nil } ?? false }
    guard !hasNUL else { throw APIError(.badRequest, "the report is not valid JSON: NUL byte") }
    let root = (body + [0]).withUnsafeBytes {
      json_tokener_parse_ex(tokener, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
    }
    defer { json_object_put(root) }
    let status = json_tokener_get_error(tokener)
    guard status == json_tokener_success else {
      let reason = status == json_tokener_continue ? "cut off" : String(cString: json_tokener_error_desc(status))
      throw APIError(.badRequest, "the report is not valid JSON: \(reason)")
    }
    let count = Self.length(of: Self.list(in: root))
    var outputs: [OpaquePointer?] = Array(repeating: nil, count: count)
    defer { for output in outputs { json_object_put(output) } }
    for index in 0..<count {
      let task = json_object_array_get_idx(Self.list(in: root), index)
      guard json_object_is_type(task, json_type_object) != 0 else { continue }
      for name in ["stdout", "stderr"]
      where json_object_is_type(json_object_object_get(task, name), json_type_string) != 0 {
        if name == "stdout" { outputs[index] = json_object_get(json_object_object_get(task, name)) }
        json_object_object_add(task, name, json_object_new_string(""))
      }
    }
    let rest = String(cString: json_object_to_json_string_ext(root, 0))
    do {
      // What json-c takes beyond the standard (NaN) is refused here.
      let document = try JSON(parsing: rest)
      mark = document[IncomingReport.markKey].map { $0.stringValue ?? $0.text }
      self.document = wholly ? try JSON(parsing: body) : nil
      tasks = (try? TaskSet(document))?.tasks ?? []
      catalogs = zip(tasks, outputs).compactMap { task, output in
        guard TaskCatalog.needsOutput(task) else { return nil }
        var task = task
        if let output { task.fields["stdout"] = .string(Self.text(of: output)) }
        return TaskCatalog.ofWritten(task)
      }
    } catch {
      throw APIError(.badRequest, "the report is \(error)")
    }
  }

  private static func text(of string: OpaquePointer) -> String {
    let bytes = UnsafeRawBufferPointer(
      start: json_object_get_string(string), count: Int(json_object_get_string_len(string)))
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func list(in root: OpaquePointer?) -> OpaquePointer? {
    guard json_object_is_type(root, json_type_object) != 0 else { return nil }
    let list = json_object_object_get(root, "tasks")
    return json_object_is_type(list, json_type_array) != 0 ? list : nil
  }

  private static func length(of list: OpaquePointer?) -> Int { list.map { json_object_array_length($0) } ?? 0 }
}
