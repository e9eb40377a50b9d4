import Testing

@testable import Workflows

/// The regular expressions of rules.
@Suite struct TextPatternTests {
  private static let cases: [(pattern: String, found: [String], notFound: [String])] = [
    ("", ["", "x"], []),
    ("abc", ["abc", "xabcx"], ["ab", "acb", ""]),
    ("^abc$", ["abc"], ["xabc", "abcx", "abc\n"]),
    ("a|b|cd", ["xa", "b", "cd"], ["c", "d", ""]),
    ("^(a|b)*c$", ["c", "abbac"], ["abx", "dc"]),
    ("^(?:ab)+$", ["ab", "abab"], ["", "aba"]),
    ("^(?<name>ab)?$", ["", "ab"], ["a"]),
    ("^a{2}$", ["aa"], ["a", "aaa"]), ("^a{2,}$", ["aa", "aaaa"], ["a"]), ("^a{1,3}$", ["a", "aaa"], ["", "aaaa"]),
    ("^a{0}$", [""], ["a"]), ("^a{,3}$", ["a{,3}"], ["aaa"]), ("^a{x}$", ["a{x}"], ["a"]), ("x{$", ["x{"], ["x"]),
    ("^a+?b*?$", ["aab", "a"], ["b"]),
    (#"^v\d+\.\d+$"#, ["v2.1", "v10.22"], ["v2", "v2x1", "2.1"]),
    (#"^\w+\s\W\D\S$"#, ["ab_9 -xy"], ["ab-- -xy", "ab -1y"]),
    (#"\bcat\b"#, ["a cat", "cat", "cat."], ["cats", "_cat"]), (#"\Bcat"#, ["scat"], ["cat", "a cat"]),
    ("^[a-c_]+$", ["abc_"], ["abd", ""]), ("^[^a-c]$", ["d", "é"], ["a", ""]), ("^[]$", [], ["", "]"]),
    ("^[^]$", ["x", "\n"], [""]), (#"^[\d.]+$"#, ["1.2"], ["1a"]), (#"^[\w-]+$"#, ["a-b"], ["a b"]),
    (#"^[\]\\^-]+$"#, ["]\\^-"], ["["]), (#"^[\D]$"#, ["x"], ["1"]), (#"^[^\S]$"#, [" "], ["x"]),
    (".", ["x", "é"], ["\n", "\r", ""]), (#"^\x41\u00e9\t$"#, ["Aé\t"], ["Ae\t"]), (#"^\/\-\.$"#, ["/-."], ["xxx"]),
    ("^(a*)*$", ["", "aaa"], ["b"]), ("^(a|)+b$", ["b", "aab"], ["a"]), ("(|x){3}", ["", "xxx"], []),
    ("]}", ["]}"], ["]"]),
    ("ACME", ["ACME Ltd"], ["acme"]),
  ]

  @Test(arguments: cases)
  func `what JavaScript finds is found`(pattern: String, found: [String], notFound: [String]) throws {
    for (text, isFound) in found.map({ ($0, true) }) + notFound.map({ ($0, false) }) {
      var budget = TextPattern.Budget.ofNode
      #expect(try TextPattern(pattern).isFound(in: text, &budget) == isFound, "\(pattern) in \(text.debugDescription)")
    }
  }

  @Test(
    arguments: [
      ("(", "a ( without its )"), (")", "a ) without its ("), ("[a", "a [ without its ]"),
      ("a\\", "ends with a backslash"),
      ("*", "repeats nothing"), ("a|+", "repeats nothing"), ("{2}", "repeats nothing"), ("a**", "repeats nothing"),
      ("^*", "repeats a place"), (#"\b+"#, "repeats a place"), ("a{3,2}", "out of order"), ("[b-a]", "out of order"),
      ("(?=a)", "looks ahead or behind"), ("(?<!a)b", "looks ahead or behind"), ("(?i)a", "does not exist"),
      (#"(a)\1"#, "refers to a group"), (#"\p{L}"#, "does not have"), ("(?<a", "does not end"),
      ("(?<a)b", "does not end"),
      ("a{1001}", "counts beyond"), ("a{99999999999999999999}", "counts beyond"),
      ("((a{900}){900}){900}", "too large"), ("((()" + "{900}){900}){900}", "too large"),
      (String(repeating: "(", count: 100_000), "groups deeper"), (String(repeating: "a", count: 10_000), "too large"),
    ])
  func `what cannot be searched for is refused`(pattern: String, words: String) {
    let problem = #expect(throws: TextPattern.Problem.self) { try TextPattern(pattern) }
    #expect(problem?.message.contains(words) == true, "\(problem?.message ?? "")")
  }

  @Test(arguments: ["^(a+)+$b", "^(a+)+b", "(a|a)*b", "(a|aa)+$b", "(a*)*(a*)*(a*)*b", "(.*)(.*)(.*)(.*)x{40}"])
  func `an expression over which others take exponential time needs few steps`(pattern: String) throws {
    var budget = TextPattern.Budget.ofNode
    let isFound = try TextPattern(pattern).isFound(in: String(repeating: "a", count: 1000), &budget)
    #expect(isFound == false)
    #expect(budget.steps > TextPattern.Budget.ofNode.steps - 200_000)
  }

  @Test func `a search that would take too many steps ends without an answer, and the rule with a sentence`() throws {
    let long = String(repeating: "a", count: 1_000_000)
    var budget = TextPattern.Budget.ofNode
    #expect(try TextPattern("a{100}b").isFound(in: long, &budget) == nil)
    var ofRules = RuleBudget()
    let error = #expect(throws: WorkflowError.self) {
      try TagRules([["path": "x.v", "regex": "a{100}b"]]).match(["x": ["v": .string(long)]], &ofRules)
    }
    #expect(error?.message.contains("the rule of x.v: searching the node's value") == true)
  }
}
