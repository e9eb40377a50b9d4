import Catalogs
import JSONDocument
import Testing

@Suite struct StoredKeysTests {
  static let documents: [(String, String)] = [
    (#"{"a.b": {"c$d": [{"e.f.g": 1}]}}"#, #"{"a_b": {"c_d": [{"e_f_g": 1}]}}"#),
    (#"{"a.b": 1, "a_b": 2}"#, #"{"a_b": 2}"#),
    (#"{"a_b": 2, "a.b": 1}"#, #"{"a_b": 2}"#),
    (#"{"a.b": 1, "a$b": 2}"#, #"{"a_b": 2}"#),
    // A value before the key that has the key in it.
    (#"{"note": "see a.b and a.b", "a.b": 1}"#, #"{"note": "see a_b and a.b", "a_b": 1}"#),
    (#"{"x": {"y": ["a.b", "a.b"]}, "a.b": 1}"#, #"{"x": {"y": ["a_b", "a.b"]}, "a_b": 1}"#),
    (#"{"a.b": 1, "note": "a.b"}"#, #"{"a_b": 1, "note": "a.b"}"#),
    (#"{"xa.bx": "a.b", "a.b": 1}"#, #"{"xa_bx": "a.b", "a_b": 1}"#),
    (#"{"x": {"a.b": "a.b"}, "a.b": 1}"#, #"{"x": {"a_b": "a.b"}, "a_b": 1}"#),
    // A number under `length` makes an object look like a list.
    (#"{"a": {"length": 3, "b": 1}, "c": {"length": "3"}}"#, #"{"a": {}, "c": {"length": "3"}}"#),
    (#"{"length": 1, "x": 2}"#, "{}"),
    (#"[1, "a.b", null, true]"#, #"[1, "a.b", null, true]"#),
  ]

  @Test(arguments: documents)
  func `Keys are stored as the stock server's database takes them`(_ document: String, _ stored: String) throws {
    let catalog = Catalog.marked(source: "mine", format: .json, output: document)
    #expect(catalog.content == .parsed(try JSON(parsing: stored)))
    #expect(ToolCommand(try #require(CatalogTool.named("ohai"))).catalog(of: document).data == catalog.data)
  }

  @Test func `A marked command goes by its format alone`() throws {
    let output = try Fixture("dmidecode.vm").output()
    let raw = Catalog.marked(source: nil, format: nil, output: output)
    #expect(raw.source == "unknown")
    #expect(raw.content == .parsed(["data": .string(output)]))
    #expect(Catalog.marked(source: "x", format: .raw, output: "{}").data == ["data": "{}"])
    #expect(Catalog.marked(source: "x", format: .json, output: " 5 ").data == 5)
    #expect(Catalog.marked(source: "x", format: .xml, output: "<a/>").data == nil)
  }

  @Test(arguments: [
    ("", "the output is empty", false), ("{", "not valid JSON: ", false), ("null", "null is no catalog", true),
  ])
  func `A marked command whose JSON is bad is kept raw`(_ output: String, _ reason: String, _ failsTask: Bool) {
    let catalog = Catalog.marked(source: "x", format: .json, output: output)
    #expect(!catalog.isParsed)
    #expect(catalog.data == ["data": .string(output)])
    #expect(catalog.reason?.contains(reason) == true)
    #expect(catalog.failsTask == failsTask)
  }
}
