import JSONDocument
import Testing

@testable import Workflows

/// The rules of SKUs and tags.
@Suite struct CatalogRuleTests {
  private static let catalogs: [String: JSON] = [
    "dmi": [
      "System Information": ["Manufacturer": "ACME", "Version": "v2.1", "Empty": ""], "Slots": ["A", "B"],
      "Count": "12", "Zero": 0,
    ],
    "bmc": ["IP": "10.1.1.2", "Port": 623],
  ]

  private static func match(_ rules: JSON) throws -> Bool {
    var budget = RuleBudget()
    return try TagRules(rules).match(catalogs, &budget)
  }

  private static func fit(_ rules: JSON) throws -> Int? {
    var budget = RuleBudget()
    return try SKURules(rules).fit(of: catalogs, &budget)
  }

  private static let cases: [(JSON, Bool)] = [
    (["path": "dmi.System Information.Manufacturer"], true),
    (["path": "dmi.System Information.Manufacturer", "equals": "ACME"], true),
    (["path": "dmi.System Information.Manufacturer", "equals": "acme"], false),
    (["path": "dmi.Count", "equals": 12], true), (["path": "bmc.Port", "equals": "623"], true),
    (["path": "bmc.Port", "in": [1, 623]], true), (["path": "bmc.Port", "notIn": [1, 623]], false),
    (["path": "bmc.IP", "contains": "10.1."], true), (["path": "bmc.IP", "notContains": "10.1."], false),
    (["path": "dmi.Slots", "contains": "B"], true), (["path": "dmi.Slots", "contains": "C"], false),
    (["path": "dmi.System Information.Version", "regex": #"^v\d+\.\d+$"#], true),
    (["path": "dmi.System Information.Version", "notRegex": "^v"], false),
    (["path": "dmi.Count", "greaterThan": 12], false), (["path": "dmi.Count", "min": 12], true),
    (["path": "dmi.Count", "lessThan": 12], false), (["path": "dmi.Count", "max": 12], true),
    (["path": "dmi.Slots", "max": 12], false), (["path": "dmi.Slots[1]", "equals": "B"], true),
  ]

  @Test(arguments: cases)
  func `a rule holds or fails`(rule: JSON, holds: Bool) throws {
    #expect(try Self.match([rule]) == holds)
    #expect((try Self.fit([rule]) != nil) == holds)
  }

  @Test(
    arguments: [
      (["path": "dmi"], "a rule has a path (string): the source of a catalog, a dot, and keys"),
      ([:], "a rule has a path (string): the source of a catalog, a dot, and keys"),
      (["path": "a.b", "equals": 1, "min": 2], "the rule of a.b has more than one condition"),
      (["path": "a.b", "in": "x"], "the rule of a.b: in needs a list"),
      (["path": "a.b", "regex": 1], "the rule of a.b: regex needs a regular expression"),
      (
        ["path": "a.b", "regex": "("],
        "the rule of a.b: regex needs a regular expression, but this one has a ( without its )"
      ),
      (["path": "a.b", "min": "x"], "the rule of a.b: min needs a number"),
    ] as [(JSON, String)])
  func `a rule that cannot be used is refused`(rule: JSON, message: String) {
    #expect(throws: WorkflowError(message)) { try TagRules([rule]) }
    #expect(throws: WorkflowError(message)) { try SKURules([rule]) }
  }

  @Test func `what has no value fails a tag and is passed over for a SKU`() throws {
    let missing: JSON = ["path": "dmi.System Information.Empty", "equals": "x"]
    let none: JSON = ["path": "ohai.x"]
    let there: JSON = ["path": "bmc.IP"]
    #expect(try !Self.match([missing, there]))
    #expect(try !Self.match([]))
    #expect(try Self.fit([missing, none, there]) == 6)
    // A value that is 0 or empty counts as none.
    #expect(try Self.fit([missing, ["path": "dmi.Zero"]]) == nil)
    #expect(try SKURules([none, there]).sources == ["ohai", "bmc"])
  }

  @Test func `the longest path is the better fit`() throws {
    let short: JSON = ["path": "bmc.IP"]
    let long: JSON = ["path": "dmi.System Information.Manufacturer", "equals": "ACME"]
    let fits = try [[short], [short, long]].map { try Self.fit(.array($0)) }
    #expect(fits == [6, 35])
  }

  @Test func `one set of rules leaves steps for others of the node, and a node for other nodes`() throws {
    let catalogs: [String: JSON] = ["x": ["v": .string(String(repeating: "a", count: 10_000))]]
    let slow = try TagRules([["path": "x.v", "regex": "a{100}b"]])
    let quick = try TagRules([["path": "x.v", "regex": "^a"]])
    // Reading a node takes 1000 steps, and so does each slow search: a quarter of the node's.
    var budget = RuleBudget(command: 9000, node: 4000)
    func matches(_ rules: TagRules) -> Bool? { try? rules.match(catalogs, &budget) }
    var hasSteps = budget.beginNode()
    #expect(hasSteps)
    for _ in 0..<3 {
      #expect(matches(slow) == nil)
      #expect(matches(quick) == true)
    }
    #expect(matches(slow) == nil)
    #expect(matches(quick) == nil)
    hasSteps = budget.beginNode()
    #expect(hasSteps)
    #expect(matches(quick) == true)
    for _ in 0..<4 { #expect(matches(slow) == nil) }
    hasSteps = budget.beginNode()
    #expect(!hasSteps)
  }

  @Test func `regular expressions that are too large together are refused`() {
    let rules = JSON.array(Array(repeating: ["path": "x.v", "regex": "a{900}"], count: 23))
    #expect(throws: WorkflowError("the regular expressions of the rules are too large together")) {
      try TagRules(rules)
    }
  }
}
