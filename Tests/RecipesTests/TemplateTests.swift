import Testing

@testable import Recipes

struct TemplateTests {
  private static func fill(_ text: String) -> Template.Filled {
    Template(text: text, place: Place("t", line: 3)).filled(with: ["name": "a<b>&\"c\"", "open": "{{", "é": "no"])
  }

  @Test(arguments: [
    ("", ""), ("no variables", "no variables"), ("{{name}}", "a<b>&\"c\""), ("x{{ name }}y\n", "xa<b>&\"c\"y\n"),
    ("{", "{"), ("a {", "a {"), ("{ {name}}", "{ {name}}"), ("}}", "}}"), ("{\"a\": {}}", "{\"a\": {}}"),
    ("\r\n{{name}}\r\n", "\r\na<b>&\"c\"\r\n"), ("{{open}}name}}", "{{name}}"), ("ä{{name}}ö", "äa<b>&\"c\"ö"),
  ]) func `Variables are filled in as they are, and the rest stays`(text: String, result: String) {
    let filled = Self.fill(text)
    #expect(filled.text == result)
    #expect(filled.mistakes.isEmpty)
  }

  @Test(arguments: [
    ("{{nam}}", "t:3: there is no variable \"nam\"; did you mean \"name\"?"),
    (
      "\n\n{{other}}",
      "t:5: there is no variable \"other\"; give it a value in \"variables\", or with --set other=VALUE"
    ),
    ("{{#name}}", "t:3: \"{{#name}}\" is no variable: a template knows nothing but {{name}}, with a name of letters,"),
    ("{{{name}}}", "t:3: \"{{{name}}\" is no variable"), ("{{}}", "t:3: \"{{}}\" is no variable"),
    ("{{é}}", "t:3: \"{{é}}\" is no variable"), ("{{> file}}", "t:3: \"{{> file}}\" is no variable"),
    ("\n{{name\n}}", "t:4: \"{{name\" has no \"}}\" in its line; a variable is {{name}}"),
    ("{{name", "t:3: \"{{name\" has no \"}}\" in its line"), ("{{name}", "t:3: \"{{name}\" has no \"}}\" in its line"),
  ]) func `What is no variable is a mistake with its line`(text: String, mistake: String) {
    let mistakes = Self.fill(text).mistakes
    #expect(mistakes.count == 1)
    #expect(mistakes.first?.description.hasPrefix(mistake) == true, "\(mistakes)")
  }

  @Test func `Lines are those of the template's file, or of the recipe`() throws {
    let stage = try RecipeStage(
      "files:\n  - source: t/motd\n    target: /a\n    template: true\n  - content: |\n      a\n      {{b}}\n    target: /b\n"
        + "    template: true\n  - content: 'x {{c}}'\n    target: /c\n    template: true\n",
      files: ["t/motd": "1\n2\n{{d}}"])
    #expect(stage.mistakes().map { String($0.prefix { $0 != " " }) } == ["a.yaml:7:", "a.yaml:10:", "t/motd:3:"])
  }
}
