import JSONDocument
import Testing

@testable import Workflows

@Suite struct OptionTests {
  /// The table of the stock server: own, `defaults`, label → with a schema, without; `-` for a key that is not there.
  @Test(
    arguments: [
      "1 2 - 2 2", "1 null - null null", "1 2 3 3 3", "1 2 null 2 null", "1 - null 1 null", "- 2 - 2 -",
      "- - null - null", "- - 2 2 2", "null - 3 3 3",
    ])
  func `which value counts`(row: String) throws {
    let cells = row.split(separator: " ").map(String.init)
    func object(_ cell: String) throws -> JSONObject {
      var object = JSONObject()
      if cell != "-" { object["x"] = try JSON(parsing: cell) }
      return object
    }
    for (hasSchema, expected) in [(true, cells[3]), (false, cells[4])] {
      let options = OptionPrecedence.options(
        own: try object(cells[0]), required: [], defaults: try object(cells[1]), label: try object(cells[2]),
        hasSchema: hasSchema)
      #expect(options["x"]?.text ?? "-" == expected, "schema: \(hasSchema)")
    }
  }

  @Test func `defaults reach a required option of a task without a schema`() {
    let options = OptionPrecedence.options(
      own: JSONObject(), required: ["x"], defaults: (["x": 1, "y": 2] as JSON).object, label: JSONObject(),
      hasSchema: false)
    #expect(options == (["x": 1] as JSON).object)
  }

  @Test(
    arguments: [
      (["a": 1, "b": ["c": 1]], ["b": ["d": 2]], ["a": 1, "b": ["c": 1, "d": 2]]),
      (["l": ["x", "y", "z"]], ["l": ["1", "2"]], ["l": ["1", "2", "z"]]), (["a": 1], ["a": nil], ["a": nil]),
      (["a": [1]], ["a": ["k": 1]], ["a": ["k": 1]]),
      (["l": [["a": 1]]], ["l": [["b": 2], 3]], ["l": [["a": 1, "b": 2], 3]]),
    ] as [(JSON, JSON, JSON)])
  func `a request's options are merged over the graph's`(graph: JSON, request: JSON, result: JSON) {
    #expect(graph.merged(with: request) == result)
  }

  @Test(
    arguments: [
      (["x": 1], nil), (["x": "a"], "data.x should be integer"), ([:], "data should have required property 'x'"),
      (["x": .number("1.5")], "data.x should be integer"), (["x": 0], "data.x should be >= 1"),
      (["x": 1, "e": "c"], "data.e should be equal to one of the allowed values: a, b"),
      (["x": 1, "l": ["a", 1]], "data.l[1] should be string"),
      (["x": 1, "l": []], "data.l should NOT have less than 1 items"),
      (["x": 1, "o": ["k": 1, "z": 1]], "data.o should NOT have additional properties: z"),
      (["x": 1, "any": 5], "data.any should match some schema in anyOf"),
      (["x": 1, "any": ["k": "a"]], "data.any.k should be number"),
      (["x": 1, "s": ""], "data.s should NOT be shorter than 1 characters"),
    ] as [(JSON, String?)])
  func `a schema`(value: JSON, mistake: String?) {
    let schema: JSON = [
      "type": "object", "required": ["x"],
      "properties": [
        "x": ["type": "integer", "minimum": 1], "e": ["enum": ["a", "b"]],
        "l": ["type": "array", "minItems": 1, "items": ["type": "string"]],
        "o": ["type": "object", "properties": ["k": ["type": "number"]], "additionalProperties": false],
        "any": ["anyOf": [["type": "string"], ["type": "object", "properties": ["k": ["type": "number"]]]]],
        "s": ["type": "string", "minLength": 1],
      ],
    ]
    var budget = RenderBudget()
    #expect(JSONSchema(schema).mistakes(in: value, budget: &budget).first?.text == mistake)
  }
}
