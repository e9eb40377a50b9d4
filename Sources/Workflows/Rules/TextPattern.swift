/// A regular expression as JavaScript has them, as far as it can be searched for in bounded time.
///
/// All threads of the search go through the text together (Thompson's construction), so that no expression takes more steps
/// than the product of its own length and that of the text. Look-ahead, look-behind and references to groups cannot be done
/// in that way: they are refused. Where JavaScript counts UTF-16 units, this counts Unicode scalars.
struct TextPattern: Sendable, Hashable {
  /// A refusal, in words that go on after "a regular expression, but".
  struct Problem: Error, Hashable {
    let message: String
  }

  /// How many steps a search may still take. Searches that belong together share one.
  struct Budget {
    fileprivate(set) var steps: Int

    /// For all rules about one node: below two seconds also in a build without optimization.
    static let ofNode = Budget(steps: 4_000_000)

    init(steps: Int) { self.steps = steps }
  }

  enum Instruction: Sendable, Hashable {
    case scalar(ScalarSet)
    case start, end
    case boundary(isNegated: Bool)
    case jump(Int)
    case split(Int, Int)
    case found
  }

  /// The most instructions that an expression may become. A count such as `{100}` repeats what it is about.
  static let mostInstructions = 5000

  private let program: [Instruction]
  /// How many instructions it has become.
  var size: Int { program.count }

  /// - Throws: `Problem` when the text is no regular expression, has what is refused, or is too large.
  init(_ text: String) throws(Problem) {
    var parser = PatternParser(text)
    var compiler = PatternCompiler()
    try compiler.add(parser.parse())
    program = compiler.program + [.found]
  }

  /// Whether the expression is found anywhere in the text.
  ///
  /// - Returns: `nil` when the budget was used up before that was known.
  func isFound(in text: String, _ budget: inout Budget) -> Bool? {
    var search = Search(count: program.count)
    var before: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      guard let found = follow(&search, before: before, after: scalar, &budget) else { return nil }
      if found { return true }
      search.advance(program, over: scalar)
      before = scalar
    }
    return follow(&search, before: before, after: nil, &budget)
  }

  /// Follows every thread up to the instructions that take a scalar.
  private func follow(
    _ search: inout Search, before: Unicode.Scalar?, after: Unicode.Scalar?, _ budget: inout Budget
  ) -> Bool? {
    // A match may begin anywhere.
    search.waiting.append(0)
    while let place = search.waiting.popLast() {
      guard search.visit(place) else { continue }
      guard budget.steps > 0 else { return nil }
      budget.steps -= 1
      switch program[place] {
      case .found: return true
      case .scalar: search.places.append(place)
      case .jump(let target): search.waiting.append(target)
      case .split(let first, let second): search.waiting += [second, first]
      case .start: if before == nil { search.waiting.append(place + 1) }
      case .end: if after == nil { search.waiting.append(place + 1) }
      case .boundary(let isNegated):
        let isBoundary = ScalarSet.word.has(before) != ScalarSet.word.has(after)
        if isBoundary != isNegated { search.waiting.append(place + 1) }
      }
    }
    return false
  }

  /// The threads of a search, each the place of an instruction.
  private struct Search {
    var waiting: [Int] = []
    /// Threads at instructions that take a scalar.
    var places: [Int] = []
    private var visited: [Int]
    private var round = 1

    init(count: Int) { visited = Array(repeating: 0, count: count) }

    /// Whether no thread has been there in this round.
    mutating func visit(_ place: Int) -> Bool {
      guard visited[place] != round else { return false }
      visited[place] = round
      return true
    }

    mutating func advance(_ program: [Instruction], over scalar: Unicode.Scalar) {
      round += 1
      for place in places {
        if case .scalar(let set) = program[place], set.has(scalar) { waiting.append(place + 1) }
      }
      places.removeAll(keepingCapacity: true)
    }
  }
}

/// Scalars, as ranges.
struct ScalarSet: Sendable, Hashable {
  var ranges: [ClosedRange<UInt32>] = []
  var isNegated = false

  func has(_ scalar: Unicode.Scalar?) -> Bool {
    guard let scalar else { return false }
    return ranges.contains { $0.contains(scalar.value) } != isNegated
  }

  private static let last: UInt32 = 0x10FFFF
  static let digit = ScalarSet(ranges: [0x30...0x39])
  static let word = ScalarSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  static let space = ScalarSet(
    ranges: [
      0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
      0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
  /// What a dot stands for: all but the ends of lines.
  static let dot = ScalarSet(ranges: [0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029], isNegated: true)

  /// All scalars that are not in this set, whose ranges lie in order.
  var inverted: ScalarSet {
    var rest: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { rest.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    return ScalarSet(ranges: rest + [next...Self.last])
  }
}
