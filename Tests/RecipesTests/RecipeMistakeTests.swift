import Foundation
import TestSupport
import Testing

@testable import Recipes

/// What bad values get: the line, and what is right.
struct RecipeMistakeTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let recipe: String
    let mistakes: [String]
    var testDescription: String { recipe }

    init(_ recipe: String, _ mistakes: String...) { (self.recipe, self.mistakes) = (recipe, mistakes) }
  }

  static let digest = String(repeating: "0", count: 64)

  static let keys = [
    Case("fils: []", "1: there is no key \"fils\" in a recipe; did you mean \"files\"?"),
    Case(
      "\n\nfoo: 1",
      "3: there is no key \"foo\" in a recipe; the keys are \(RecipeKey.allCases.map(\.rawValue).joined(separator: ", "))"
    ),
    Case("[a]", "1: a recipe is a map of keys and values, as in \"\(RecipeKey.packages.example)\""),
    Case("", "1: the recipe is empty; docs/recipes.md begins with one to copy"),
    Case("# nothing", "1: the recipe is empty; docs/recipes.md begins with one to copy"),
    Case("name: a/b", "1: \"a/b\" cannot be the name"),
    Case("name: ..", "1: \"..\" cannot be the name"),
    Case("name: \"\"", "1: \"name\" is empty: write text, as in \"name: discovery\", or leave it out"),
    Case("description: [x]", "1: \"description\" is a list, but must be text, as in \"description: Tools"),
    Case("packages: pciutils", "1: \"packages\" is text, but must be a list, as in \"packages: [pciutils,"),
    Case("packages:\nname: x", "1: \"packages\" has no value: write a list, as in \"packages: ["),
    Case("packages: [~]", "1: an entry of \"packages\" has no value: write text or a map"),
    Case("documentation: no", "1: \"no\" is not known in \"documentation\": write keep or drop"),
    Case("required: yes", "1: \"yes\" is neither true nor false, without quotes, as in \"required: false\""),
    Case("required: 'true'", "1: \"true\" is neither true nor false, without quotes"),
    Case("hooks: {a: b}", "1: \"hooks\" is a map, but must be text, as in \"hooks: modprobe ipmi_si\""),
    Case("hooks: [[a]]", "1: \"hooks\" is a list, but must be text"),
    Case("variables: [a]", "1: \"variables\" is a list, but must be a map, as in \"variables: {server: 10.1.1.1}\""),
    Case("variables: {a b: c}", "1: \"a b\" cannot be the name of a variable"),
    Case("variables:\n  a:\n", "2: the variable \"a\" has no value: write text"),
    Case("compression: bzip2", "1: \"bzip2\" is not known in \"compression\": write gzip, zstd, xz or none"),
    Case(
      "compression:\n  format: xz\n  level: 19",
      "3: the level of xz is a number from 0 to 9, as in \"compression: {format: xz, level: 3}\""),
    Case("compression: {format: none, level: 0}", "1: \"none\" has no level: leave the level out"),
    Case("compression: {level: 3}", "1: an entry of \"compression\" has no \"format\""),
    Case("ignore: [x:libary]", "1: \"libary\" is no kind of finding; the kinds are "),
    Case("fils: []\nname: a/b\nlinks: [x]", "1: there is no key", "2: \"a/b\"", "3: \"links\" is a list"),
  ]

  static let software = [
    Case("archives: [http://x y z]", "1: \"http://x y z\" is no line of apt's sources.list: it begins with \"deb\""),
    Case("archives: [deb-src http://x y z]", "1: \"deb-src http://x y z\" is no line of apt's sources.list"),
    Case("archives: [deb file:/x ./]", "the URI behind \"deb\" begins with \"http://\" or \"https://\""),
    Case("archives: [deb http://x y]", "behind the URI come the suite and its components"),
    Case("archives: ['deb [a=b http://x y main']", "its options have no \"]\""),
    Case("archives: [\"deb http://x y main\\ndeb http://z y main\"]", "it is one line of ASCII"),
    Case("packages: [PciUtils]", "1: \"PciUtils\" is no name of a Debian package"),
    Case("packages: [-o]", "1: \"-o\" is no name of a Debian package"),
    Case("packages: [ipmitool=1.0]", "a version is written as {name: ipmitool, version: 1.8.19-4}"),
    Case("packages: [./x.deb]", "a file is written as {deb: ./x.deb}"),
    Case("packages:\n  - a1\n  - b1\n  - a1", "4: the package \"a1\" stands in line 2 already"),
    Case("packages: [{name: ipmitool, version: v1}]", "1: \"v1\" is no version of a Debian package"),
    Case("packages: [{version: 1}]", "1: an entry of \"packages\" has no \"name\""),
    Case("packages: [{deb: x.deb}]", "1: there is no file \"x.deb\" in the recipe's directory"),
    Case(
      "packages: [{deb: d, name: y1}]", "1: \"d\" is a directory, and here must stand",
      "1: a \".deb\" file has its own name"),
    Case(
      "packages: [{nam: x1}]", "has no \"name\"",
      "there is no key \"nam\" in an entry of \"packages\"; did you mean \"name\"?"),
    Case("from: [b.yaml]", "1: there is no file \"b.yaml\" in the recipe's directory"),
    Case("from: [d]", "1: \"d\" is a directory, and here must stand the path of a file"),
    Case("modules: [d]", "1: \"d\" has no Makefile for the kernel's build system"),
    Case("modules: [f]", "1: \"f\" is a file, and here must stand the path of a directory"),
    Case("modules: [{source: m, place: kernel}]", "\"kernel\" is not known in \"modules\": write extra or updates"),
    Case("commands: [{run: x, network: true}]", "1: this command wants a network"),
    Case("commands: [{network: false}]", "1: an entry of \"commands\" has no \"run\""),
    Case("commands: ['']", "1: a command is empty"),
    Case("services: [a b]", "1: \"a b\" is no name of a service"),
    Case("services: [{name: ssh, enabled: 1}]", "1: \"1\" is neither true nor false"),
  ]

  static let placed = [
    Case(
      "files: [{source: f, target: usr/x}]",
      "1: \"usr/x\" is no path on the node: those begin with a slash, as in \"/usr/x\""),
    Case("files: [{source: f, target: /a/../b}]", "1: \"/a/../b\" leads out of the overlay with \"..\""),
    Case("files: [{source: f, target: /}]", "1: \"/\" names a directory; write the whole path"),
    Case(
      "files: [{source: f, target: /usr/bin/}]",
      "1: \"/usr/bin/\" names a directory; write the whole path, as in \"/usr/bin/NAME\""),
    Case("files: [{source: f, target: \"/a\\0b\"}]", "1: the text holds a NUL character"),
    Case(
      "files: [{source: f, target: /\(String(repeating: "x", count: 256))}]", "has a component of more than 255 bytes"),
    Case("files: [{source: f}]", "1: an entry of \"files\" has no \"target\""),
    Case("files: [{target: /x}]", "1: an entry of \"files\" has none of \"source\", \"content\" and \"directory\""),
    Case("files:\n  - {source: f,\n    content: x, target: /x}", "2: an entry of \"files\" has more than one of"),
    Case(
      "files: [{source: missing, target: x, mode: 9}]", "\"9\" is no mode", "\"x\" is no path on",
      "there is no file \"missing\""),
    Case("files: [{sorce: f, target: /x}]", "has none of", "did you mean \"source\"?"),
    Case("files: [{directory: false, target: /x}]", "1: \"directory\" can only be true"),
    Case("files: [{directory: true, target: /x, template: true}]", "a directory is no template"),
    Case("files: [{source: d, target: /x, template: true}]", "a directory is no template"),
    Case("files: [{source: ., target: /x}]", "\"source\" is the recipe's own directory"),
    Case("files: [f]", "1: an entry of \"files\" is text, but must be a map"),
    Case(
      "files: [{source: f, target: /x, mode: 0o755}]", "\"0o755\" is no mode: a mode is octal and at most 7777, as in"),
    Case("files: [{source: f, target: /x, mode: 10000}]", "\"10000\" is no mode"),
    Case("files: [{source: f, target: /x, mode: +755}]", "\"+755\" is no mode"),
    Case("files: [{source: f, target: /x, owner: www-data}]", "\"www-data\" is no owner: write \"root\", or numbers"),
    Case("files: [{source: f, target: /x, owner: '4294967296:0'}]", "\"4294967296:0\" is no owner"),
    Case("files: [{source: f, target: /x, owner: '1000'}]", "\"1000\" is no owner"),
    Case(
      "files:\n  - {source: f, target: /x}\nlinks:\n  //x: y",
      "4: /x is made in line 2 already: remove one of them"),
    Case(
      "files:\n  - {source: f, target: /x/y}\nlinks:\n  /x: y",
      "2: /x/y cannot be made: line 4 makes /x, which is no directory"),
    Case("links: {x: y}", "1: \"x\" is no path on the node"),
    Case("links: {/x: }", "1: the target of a link has no value"),
    Case("remove: [//]", "1: \"/\" cannot be removed, since the node boots from it"),
    Case("remove: [etc/motd]", "1: \"etc/motd\" is no path on the node"),
    Case("download: [{url: 'ftp://x', sha256: \(digest), target: /x}]", "1: \"ftp://x\" cannot be fetched"),
    Case("download: [{url: 'https://', sha256: \(digest), target: /x}]", "1: \"https://\" is no URL"),
    Case("download: [{url: 'https://x/a b', sha256: \(digest), target: /x}]", "\"https://x/a b\" is no URL"),
    Case("download: [{url: 'https://x', target: /x}]", "\"curl -sSfL URL | sha256sum\" prints it"),
    Case("download: [{url: 'https://x', sha256: abc, target: /x}]", "1: \"abc\" is no SHA-256 digest"),
    Case("download: [{sha256: abc}]", "has no \"target\"", "has no \"url\""),
  ]

  @Test(arguments: keys + software + placed) func `A mistake says its line and what is right`(_ one: Case) throws {
    let found = try RecipeStage(one.recipe, files: ["f": "", "d/x": "", "m/Makefile": ""]).mistakes()
    #expect(found.count == one.mistakes.count, "\(found)")
    for (found, expected) in zip(found, one.mistakes) {
      #expect(found.hasPrefix("a.yaml:"))
      #expect(found.contains(expected.contains(#/^[0-9]+:/#) ? "a.yaml:" + expected : expected))
    }
  }

  static let texts = [
    Case("a: b\n\tc: d", "2: the line begins with a tab; YAML is indented with blanks"),
    Case("name: x\n  description: y", "2: \": \" cannot stand here: put the text into quotes, or check how far"),
    Case("name: x: y", "1: \": \" cannot stand here"),
    Case("packages:\n  - a1\n - b1", "3: the line does not fit to what began in line 1"),
    Case("packages: [a1,\nname: x", "the list of line 1 has no \"]\""),
    Case("links: {/a: b\nname: x", "the map of line 1 has no \"}\""),
    Case("name: \"x\npackages: []", "the quotes of line 1 are not closed"),
    Case("name: \"\\q\"", "there is no such escape in double quotes"),
    Case("name: @x", "1: text cannot begin with \"@\": put it into quotes"),
    Case("name: x\nfoo\nbar: y", "a key without \":\" behind it, begun in line 2"),
    Case(
      "name: x\nname: y\nlinks: {/a: b, /a: c}", "2: the key \"name\" stands in line 1 already", "3: the key \"/a\""),
    Case("name: !!str x", "1: \"tag:yaml.org,2002:str\" is a YAML tag"),
    Case("name: !x", "1: \"!x\" is a YAML tag, and tags are not taken in a recipe"),
    Case("name: !!binary aGFsbG8=", "is a YAML tag"),
    Case("packages: !x [a1]", "1: \"!x\" is a YAML tag"),
    Case("--- {}\n---\nname: x", "2: a second YAML document begins here"),
    Case("? [a]\n: b", "1: a key is text, and here stands a list or a map"),
    Case("{{name}}: x", "1: a key is text"),
    Case("name: &x y", "1: anchors (&name) and aliases (*name) are not taken in a recipe"),
    Case("name: *x", "1: anchors (&name) and aliases (*name) are not taken in a recipe"),
    Case("commands:\n  - * * * x", "2: text cannot begin with \"*\" or \"&\": put it into quotes"),
    Case("name: a\u{7}b", "1: the character U+0007 cannot stand in a YAML text"),
    Case("name: x\nhooks: \"a\\0b\"", "2: the text holds a NUL character"),
  ]

  @Test(arguments: texts) func `What is no YAML, or too much of YAML, is said in words`(_ one: Case) throws {
    let found = try RecipeStage(one.recipe).mistakes()
    #expect(found.count == one.mistakes.count, "\(found)")
    for (found, expected) in zip(found, one.mistakes) {
      #expect(found.contains(expected.contains(#/^[0-9]+:/#) ? "a.yaml:" + expected : expected))
    }
  }

  @Test func `Text of the recipe cannot steer a terminal, nor fill it`() throws {
    let long = String(repeating: "x", count: 5000)
    let found = try RecipeStage("\"\\e[31m\": 1\nname: \(long)").mistakes()
    #expect(found.count == 2)
    #expect(found.first?.contains("\"\\033[31m\"") == true)
    #expect(found.allSatisfy { $0.utf8.count < 500 })
  }

  @Test func `A file whose name cannot be the overlay's needs a name in the recipe`() throws {
    let stage = try RecipeStage()
    try stage.write("{}", to: "my recipe.yaml")
    #expect(
      stage.mistakes("my recipe.yaml").first?.contains("give the recipe a name, as in \"name: discovery\"") == true)
    try stage.write("name: x", to: "my recipe.yaml")
    #expect(stage.mistakes("my recipe.yaml").isEmpty)
  }
}
