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
    ("{bad", "not valid JSON"), (#"{"friendlyName": "x", "tasks": []}"#, "it has no injectableName"),
  ])
  func `in a deeper directory, what is no definition is a mistake`(text: String, words: String) async throws {
    try await withDirectory { directory in
      try FileManager.default.createDirectory(atPath: "\(directory)/deep", withIntermediateDirectories: true)
      for name in ["deep/x.json", "set.json"] {
        try text.write(toFile: "\(directory)/\(name)", atomically: false, encoding: .utf8)
      }
      let mistakes = WorkflowFiles(directory).mistakes
      #expect(mistakes.count == 1)
      #expect(mistakes.first?.hasPrefix("\(directory)/deep/x.json: ") == true)
      #expect(mistakes.first?.contains(words) == true, "\(mistakes)")
    }
  }
}
