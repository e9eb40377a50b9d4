/// Reads a regular expression of JavaScript without flags (ECMA-262, "Patterns", with the additions for web browsers).
struct PatternParser {
  private typealias Problem = TextPattern.Problem

  private static let deepest = 100
  private static let mostRepetitions = 1000

  private let scalars: [Unicode.Scalar]
  private var place = 0
  private var depth = 0

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  mutating func parse() throws(TextPattern.Problem) -> PatternNode {
    let node = try choice()
    guard place == scalars.count else { throw Problem(message: "this one has a ) without its (") }
    return node
  }

  private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

  /// Goes behind `text` when it comes next.
  private mutating func take(_ text: String) -> Bool {
    guard scalars[place...].starts(with: text.unicodeScalars) else { return false }
    place += text.unicodeScalars.count
    return true
  }

  private mutating func choice() throws(TextPattern.Problem) -> PatternNode {
    var nodes = [try sequence()]
    while take("|") { nodes.append(try sequence()) }
    return nodes.count == 1 ? nodes[0] : .choice(nodes)
  }

  private mutating func sequence() throws(TextPattern.Problem) -> PatternNode {
    var nodes: [PatternNode] = []
    while let next, next != "|", next != ")" {
      let node = try atom()
      nodes.append(try repeated(node))
    }
    return .sequence(nodes)
  }

  private mutating func repeated(_ node: PatternNode) throws(TextPattern.Problem) -> PatternNode {
    guard let (least, most) = try repetition() else { return node }
    switch node {
    case .start, .end, .boundary: throw Problem(message: "this one repeats a place, such as ^ or $")
    default: break
    }
    // Whether it prefers few or many makes no difference to whether it is found.
    _ = take("?")
    return .repeated(node, least: least, most: most)
  }

  private mutating func repetition() throws(TextPattern.Problem) -> (Int, Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    let start = place
    guard take("{"), let least = number() else {
      place = start
      return nil
    }
    var most: Int? = least
    if take(",") { most = number() }
    guard take("}") else {
      // As in JavaScript, a brace that begins no count stands for itself.
      place = start
      return nil
    }
    guard least <= Self.mostRepetitions, most ?? 0 <= Self.mostRepetitions else {
      throw Problem(message: "this one counts beyond \(Self.mostRepetitions)")
    }
    guard least <= most ?? least else { throw Problem(message: "this one has a count whose numbers are out of order") }
    return (least, most)
  }

  /// A decimal number; one that is too large for any use becomes 1,000,000.
  private mutating func number() -> Int? {
    let start = place
    var value = 0
    while let next, ScalarSet.digit.has(next) {
      value = min(value * 10 + Int(next.value) - 0x30, 1_000_000)
      place += 1
    }
    return place > start ? value : nil
  }

  private mutating func atom() throws(TextPattern.Problem) -> PatternNode {
    let scalar = scalars[place]
    switch scalar {
    case "*", "+", "?": throw Problem(message: "this one repeats nothing at the place of \(scalar)")
    case "(": return try group()
    case "{":
      let start = place
      if try repetition() != nil { throw Problem(message: "this one repeats nothing at the place of {") }
      place = start
    default: break
    }
    place += 1
    switch scalar {
    case "^": return .start
    case "$": return .end
    case ".": return .scalar(.dot)
    case "[": return .scalar(try set())
    case "\\":
      if take("b") { return .boundary(isNegated: false) }
      if take("B") { return .boundary(isNegated: true) }
      return .scalar(try escaped(isInSet: false))
    default: return .scalar(Self.only(scalar))
    }
  }

  private mutating func group() throws(TextPattern.Problem) -> PatternNode {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw Problem(message: "this one has groups deeper than \(Self.deepest)") }
    place += 1
    for look in ["?=", "?!", "?<=", "?<!"] where take(look) {
      throw Problem(message: "this one looks ahead or behind with (\(look), which this server does not do")
    }
    if take("?<") {
      while let next, next != ">" { place += next == ")" ? scalars.count - place : 1 }
      guard take(">") else { throw Problem(message: "this one has a group whose name does not end") }
    } else if take("?"), !take(":") {
      throw Problem(message: "this one has a group of a kind that does not exist")
    }
    let node = try choice()
    guard take(")") else { throw Problem(message: "this one has a ( without its )") }
    return node
  }

  private mutating func set() throws(TextPattern.Problem) -> ScalarSet {
    var set = ScalarSet()
    set.isNegated = take("^")
    while let next, next != "]" {
      let low = try member()
      guard place + 1 < scalars.count, scalars[place] == "-", scalars[place + 1] != "]" else {
        set.ranges += low.ranges
        continue
      }
      place += 1
      let high = try member()
      guard let first = low.single, let last = high.single else {
        // A class at an end of a range: the hyphen stands for itself.
        set.ranges += low.ranges + high.ranges + Self.only("-").ranges
        continue
      }
      guard first <= last else { throw Problem(message: "this one has a range whose ends are out of order") }
      set.ranges.append(first...last)
    }
    guard take("]") else { throw Problem(message: "this one has a [ without its ]") }
    return set
  }

  private mutating func member() throws(TextPattern.Problem) -> ScalarSet {
    let scalar = scalars[place]
    place += 1
    return scalar == "\\" ? try escaped(isInSet: true) : Self.only(scalar)
  }

  /// What stands behind a backslash.
  private mutating func escaped(isInSet: Bool) throws(TextPattern.Problem) -> ScalarSet {
    guard let scalar = next else { throw Problem(message: "this one ends with a backslash") }
    place += 1
    switch scalar {
    case "d": return .digit
    case "D": return ScalarSet.digit.inverted
    case "w": return .word
    case "W": return ScalarSet.word.inverted
    case "s": return .space
    case "S": return ScalarSet.space.inverted
    case "t": return Self.only("\t")
    case "n": return Self.only("\n")
    case "v": return Self.only("\u{0B}")
    case "f": return Self.only("\u{0C}")
    case "r": return Self.only("\r")
    case "b" where isInSet: return Self.only("\u{08}")
    case "x": return hexadecimal(digits: 2) ?? Self.only(scalar)
    case "u": return hexadecimal(digits: 4) ?? Self.only(scalar)
    case "0" where next.map(ScalarSet.digit.has) != true: return Self.only("\0")
    case "0"..."9", "k":
      throw Problem(message: "this one refers to a group with \\\(scalar), which this server does not do")
    case "p", "P", "c": throw Problem(message: "this one has \\\(scalar), which this server does not have")
    default: return Self.only(scalar)
    }
  }

  private mutating func hexadecimal(digits: Int) -> ScalarSet? {
    guard place + digits <= scalars.count else { return nil }
    let text = String(String.UnicodeScalarView(scalars[place..<place + digits]))
    guard text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: 16) else { return nil }
    place += digits
    return ScalarSet(ranges: [value...value])
  }

  private static func only(_ scalar: Unicode.Scalar) -> ScalarSet { ScalarSet(ranges: [scalar.value...scalar.value]) }
}

extension ScalarSet {
  /// The scalar, if it is one only.
  fileprivate var single: UInt32? {
    guard ranges.count == 1, let range = ranges.first, range.count == 1 else { return nil }
    return range.lowerBound
  }
}
