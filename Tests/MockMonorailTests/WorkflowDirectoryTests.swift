import Foundation
import MockMonorail
import TestSupport
import Testing

@Suite struct WorkflowDirectoryTests {
  @Test func `a directory of definitions may be a link; links in it are not followed`() async throws {
    try await withDirectory { directory in
      let manager = FileManager.default
      for name in ["a/deep", "other"] {
        try manager.createDirectory(atPath: "\(directory)/\(name)", withIntermediateDirectories: true)
      }
      for (name, task) in [("a/deep/x.json", "Task.x"), ("other/y.json", "Task.y")] {
        let text = """
          { "friendlyName": "x", "injectableName": "\(task)", "implementsTask": "Task.Base.noop", "options": {},
            "properties": {} }
          """
        try text.write(toFile: "\(directory)/\(name)", atomically: false, encoding: .utf8)
      }
      try manager.createSymbolicLink(atPath: "\(directory)/link", withDestinationPath: "a")
      try manager.createSymbolicLink(atPath: "\(directory)/a/out", withDestinationPath: "../other")
      try manager.createSymbolicLink(atPath: "\(directory)/a/out.json", withDestinationPath: "../other/y.json")
      let files = WorkflowFiles("\(directory)/link")
      #expect(files.mistakes.isEmpty)
      #expect(files.library.tasks.keys.sorted() == ["Task.x"])
    }
  }

  @Test(arguments: [
    (#"{"injectableName": bad"#, 2), (#"{"friendlyName": "x", "tasks": []}"#, 1), (#"{"editor.tabSize": 2}"#, 0),
    ("{", 0),
  ])
  func `a definition that cannot be used is a mistake, other JSON is not`(text: String, count: Int) async throws {
    try await withDirectory { directory in
      try FileManager.default.createDirectory(atPath: "\(directory)/deep", withIntermediateDirectories: true)
      for name in ["deep/x.json", "set.json"] {
        try text.write(toFile: "\(directory)/\(name)", atomically: false, encoding: .utf8)
      }
      let mistakes = WorkflowFiles(directory).mistakes
      // A file of the directory itself may be a task set.
      #expect(mistakes.count == count, "\(mistakes)")
      #expect(count == 0 || mistakes.first?.hasPrefix("\(directory)/deep/x.json: ") == true)
    }
  }
}
