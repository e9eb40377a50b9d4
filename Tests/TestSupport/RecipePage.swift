import Foundation

/// The examples of docs/recipes.md: code blocks marked `yaml` are recipes, and a block behind a line "`NAME`:" is the file
/// of that name, which recipes name.
public struct RecipePage: Sendable {
  public struct Recipe: Sendable, CustomStringConvertible {
    /// Where its block begins in the page, counted from 1.
    public let line: Int
    public let text: String

    public var description: String { "docs/recipes.md:\(line)" }
  }

  public private(set) var recipes: [Recipe] = []
  /// Their texts.
  public private(set) var files: [String: String] = [:]

  public init() throws {
    let page = try String(contentsOfFile: Repository.path("docs/recipes.md"), encoding: .utf8)
    var block: (language: Substring, line: Int, lines: [Substring])?
    var name: Substring?
    for (index, line) in page.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if let open = block {
        guard line == "```" else {
          block?.lines.append(line)
          continue
        }
        let text = open.lines.map { $0 + "\n" }.joined()
        if open.language == "yaml" { recipes.append(Recipe(line: open.line, text: text)) }
        if let name { files[String(name)] = text }
        (block, name) = (nil, nil)
      } else if line.hasPrefix("```") {
        block = (line.dropFirst(3), index + 1, [])
      } else if let match = line.wholeMatch(of: /`([^`]+)`(, beside it)?:/) {
        name = match.1
      } else if !line.isEmpty {
        name = nil
      }
    }
  }
}
