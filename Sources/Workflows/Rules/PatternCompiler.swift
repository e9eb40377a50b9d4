/// A regular expression, read.
indirect enum PatternNode {
  case scalar(ScalarSet)
  case start, end
  case boundary(isNegated: Bool)
  case sequence([PatternNode])
  case choice([PatternNode])
  /// - `most`: `nil` for any number.
  case repeated(PatternNode, least: Int, most: Int?)
}

/// Makes the instructions of a regular expression.
struct PatternCompiler {
  private(set) var program: [TextPattern.Instruction] = []
  /// Parts that make no instruction count, too: an empty group can be repeated very often.
  private var parts = 0

  mutating func add(_ node: PatternNode) throws(TextPattern.Problem) {
    parts += 1
    guard parts <= 4 * TextPattern.mostInstructions, program.count < TextPattern.mostInstructions else {
      throw TextPattern.Problem(message: "this one is too large: counts such as {100} repeat what they are about")
    }
    switch node {
    case .scalar(let set): program.append(.scalar(set))
    case .start: program.append(.start)
    case .end: program.append(.end)
    case .boundary(let isNegated): program.append(.boundary(isNegated: isNegated))
    case .sequence(let nodes): for node in nodes { try add(node) }
    case .choice(let nodes): try add(choice: nodes)
    case .repeated(let node, let least, let most):
      for _ in 0..<least { try add(node) }
      guard let most else { return try add(anyNumberOf: node) }
      for _ in least..<most { try add(choice: [node, .sequence([])]) }
    }
  }

  private mutating func add(choice nodes: [PatternNode]) throws(TextPattern.Problem) {
    var jumps: [Int] = []
    for (index, node) in nodes.enumerated() {
      let split = program.count
      if index < nodes.count - 1 { program.append(.split(split + 1, 0)) }
      try add(node)
      guard index < nodes.count - 1 else { continue }
      jumps.append(program.count)
      program.append(.jump(0))
      program[split] = .split(split + 1, program.count)
    }
    for jump in jumps { program[jump] = .jump(program.count) }
  }

  private mutating func add(anyNumberOf node: PatternNode) throws(TextPattern.Problem) {
    let split = program.count
    program.append(.split(split + 1, 0))
    try add(node)
    program.append(.jump(split))
    program[split] = .split(split + 1, program.count)
  }
}
