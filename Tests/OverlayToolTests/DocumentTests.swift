import Foundation
import TestSupport
import Testing

struct DocumentTests {
  private static let pages = [
    "README.md", "CONTRIBUTING.md", "overlay-skel/README.md", "docs/agent.md", "docs/catalogs.md",
    "docs/keeping.md", "docs/microkernel.md", "docs/mock.md", "docs/overlays.md",
    "docs/protocol.md", "docs/racks.md", "docs/recipes.md", "docs/troubleshooting.md", "docs/workflows.md",
  ]

  @Test func `Every page is tested here, and README leads to it`() throws {
    let found = try FileManager.default.contentsOfDirectory(atPath: Repository.path("docs")).filter {
      $0.hasSuffix(".md")
    }
    #expect(Set(found.map { "docs/\($0)" }).isSubset(of: Self.pages))
    let readme = try Self.text("README.md")
    for name in found + ["CONTRIBUTING.md"] { #expect(readme.contains("\(name))"), "\(name)") }
  }

  @Test(arguments: pages) func `Links lead to files`(name: String) throws {
    let directory = URL(filePath: Repository.path(name)).deletingLastPathComponent()
    for link in try Self.text(name).matches(of: /\]\(([^)#:]+)\)/) {
      let path = directory.appending(path: String(link.1)).path
      #expect(FileManager.default.fileExists(atPath: path), "\(link.1)")
    }
  }

  /// Also those in the middle of a command.
  @Test(arguments: pages + ["docs/man/monorail-overlay.1"]) func `Scripts that are named exist`(name: String) throws {
    for script in try Self.text(name).matches(of: /\bscripts\/[-a-z0-9_.\/]*[a-z0-9]/) {
      #expect(FileManager.default.fileExists(atPath: Repository.path(String(script.0))), "\(script.0)")
    }
  }

  /// A base image has no package lists, so that `apt-get install` alone finds no package.
  @Test func `Help and pages update the package lists before they install a package`() async throws {
    let command = try await ToolHelp.read()
    var texts = Dictionary(
      (command.subcommands ?? []).map { ("help \($0.commandName)", $0.discussion ?? "") }, uniquingKeysWith: { $1 })
    for name in Self.pages + ["docs/man/monorail-overlay.1"] { texts[name] = try Self.text(name) }
    for (name, text) in texts {
      // A command may go on in the next line, after a backslash; in the man page that is \e.
      let commands = text.replacing("\\e\n", with: " ").replacing("\\\n", with: " ").split(separator: "\n")
      for command in commands where command.contains(/apt-get( -[-\w:.=\/]+)* install/) {
        #expect(command.contains("apt-get update && "), "\(name)")
      }
    }
  }

  private static func text(_ name: String) throws -> String {
    try String(contentsOfFile: Repository.path(name), encoding: .utf8)
  }
}
