import Foundation
import TestSupport
import Testing

@testable import Recipes

/// docs/recipes.md and the program say the same.
struct RecipePageTests {
  @Test func `Every example is a recipe without mistakes, and every key has one`() throws {
    let page = try RecipePage()
    var keys: Set<String> = []
    for recipe in page.recipes {
      let stage = try RecipeStage(
        recipe.text,
        files: page.files.merging(["vendor.cpio.gz": "", "debs/my-tool.deb": RecipeStage.debianPackage]) { $1 })
      stage.permissions.hasNetwork = true
      #expect(stage.mistakes() == [], "\(recipe)")
      for (key, _) in try RecipeValue(text: recipe.text, file: "").entries { keys.insert(key.value) }
    }
    #expect(keys == Set(RecipeKey.allCases.map(\.rawValue)))
  }

  @Test func `Every key has a section, in the order in which the program lists them`() throws {
    let page = try String(contentsOfFile: Repository.path("docs/recipes.md"), encoding: .utf8)
    let sections = page.matches(of: /(?m)^### (\w+)$/).map { String($0.1) }
    #expect(sections == RecipeKey.allCases.map(\.rawValue))
    for key in RecipeKey.allCases {
      let section = page.split(separator: "\n### \(key.rawValue)\n").last?.split(separator: "\n## ").first?.split(
        separator: "\n### "
      ).first
      for field in key.fields { #expect(section?.contains(field) == true, "\(key): \(field)") }
    }
  }

  /// Messages that the page explains are messages of the program.
  @Test func `Each message of the tables is in the program`() throws {
    let page = try String(contentsOfFile: Repository.path("docs/recipes.md"), encoding: .utf8)
    var sources = ""
    for module in ["Recipes", "OverlayBuild"] {
      let directory = Repository.path("Sources/\(module)")
      for name in try FileManager.default.subpathsOfDirectory(atPath: directory) where name.hasSuffix(".swift") {
        sources += try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
      }
    }
    sources = sources.replacing(/"\s*\+ "/, with: "").replacing("\\\"", with: "\"")
    let table = try #require(page.split(separator: "\n## When something is wrong\n").last)
    var count = 0
    for row in table.split(separator: "\n") where row.hasPrefix("| `") {
      let first = row.dropFirst(2).split(separator: " | ").first ?? ""
      for message in first.matches(of: /`([^`]+)`/) {
        for part in message.1.split(separator: "…") {
          let words = part.trimmingCharacters(in: CharacterSet(charactersIn: " ,;:?\""))
          guard words.count > 3 else { continue }
          count += 1
          let isThere = sources.contains(words)
          #expect(isThere, "\(words)")
        }
      }
    }
    #expect(count > 40)
  }
}
