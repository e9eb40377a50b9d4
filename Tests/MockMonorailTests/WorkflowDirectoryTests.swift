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
}
