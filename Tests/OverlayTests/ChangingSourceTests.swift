import Foundation
import Testing

@testable import Overlay

/// A source that changes while it is packed gives an error and leaves the old archive, not half of a change in a new one.
@Suite struct ChangingSourceTests {
  struct Change: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Shell commands, run when some of `tree/a` was read, and nothing of `tree/b`.
    let command: String
    let error: String

    init(_ description: String, _ command: String, _ error: String) {
      (testDescription, self.command, self.error) = (description, command, error)
    }
  }

  private static let changes = [
    Change("the file that is read shrinks", "truncate -s 300000 a", "tree/a changed while it was read"),
    Change("the file that is read grows", "echo more >>a", "tree/a changed while it was read"),
    Change("the file that is read is rewritten", "printf x | dd of=a conv=notrunc status=none", "tree/a changed while"),
    Change("a later file shrinks", ": >b", "tree/b changed while it was read"),
    Change("a later file grows", "echo more >>b", "tree/b changed while it was read"),
    Change("a later file goes", "rm b", "cannot read "),
    Change("a later file becomes a symlink", "ln -sf a b", "cannot read "),
    Change("a later file becomes a fifo", "rm b; mkfifo b", "tree/b changed while it was read"),
    Change("a later file becomes a directory", "rm b; mkdir b", "tree/b changed while it was read"),
  ]

  @Test(arguments: changes, CompressionFormat.allCases)
  func isSeen(_ change: Change, _ format: CompressionFormat) throws {
    let scratch = try ScratchDirectory()
    // A time long ago. With the present time the test might not see a change, since file times advance in steps of milliseconds.
    try run(
      """
      cd '\(scratch.path)' && mkdir tree && head -c 1000000 /dev/zero >tree/a && echo b >tree/b && echo old >out &&
      touch -d @1000000000 tree/a tree/b
      """)
    var packer = Packer()
    packer.writer = ArchiveWriter(compression: format)
    var hasChanged = false
    packer.progress = { _, _ in
      guard !hasChanged else { return }
      hasChanged = true
      #expect(throws: Never.self) { try run("cd '\(scratch("tree"))' && \(change.command)") }
    }
    let error = #expect(throws: OverlayError.self) { try packer.pack(scratch("tree"), to: scratch("out")) }
    #expect(error?.description.contains(change.error) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains(scratch("tree")) == true)
    #expect(try String(contentsOfFile: scratch("out"), encoding: .utf8) == "old\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["out", "tree"])
  }
}
