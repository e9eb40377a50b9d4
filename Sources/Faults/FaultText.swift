import JSONDocument

/// A fault as people write it: `[METHOD] PATH KIND[=VALUE] [xTIMES]`, as in `POST /api/*/tasks/* status=503 x2`.
extension Fault {
  /// One line for each kind, for help texts.
  public static let kinds = """
    delay=MS          answer, but MS milliseconds later
    status=CODE       do nothing; answer with that status
    drop              read the request, do nothing, close the connection
    lose-answer       do what was asked, then close the connection
    truncate          declare the whole length, send half, close the connection
    garbage           answer with bytes that are not HTTP
    drip=MS           send the body one byte at a time, MS milliseconds apart
    redirect-loop     redirect to the same URL
    huge[=BYTES]      a JSON document of BYTES bytes (100 MB)
    deep[=LEVELS]     arrays in arrays, LEVELS deep (100000)
    hang              never answer
    """

  /// - Throws: `Problem`, saying what is wrong with the text.
  public init(parsing text: String) throws(Problem) {
    var words = text.split(separator: " ").map(String.init)
    var method: String?
    if let first = words.first, !first.hasPrefix("/"), !first.hasPrefix("*") {
      method = first
      words.removeFirst()
    }
    guard words.count >= 2 else { throw Problem(text, "expected '[METHOD] PATH KIND[=VALUE] [xTIMES]'") }
    let path = words.removeFirst()
    let parts = words.removeFirst().split(separator: "=", maxSplits: 1).map(String.init)
    var value: Int?
    if parts.count == 2 {
      guard let number = Int(parts[1]) else { throw Problem(text, "'\(parts[1])' is not a whole number") }
      value = number
    }
    var times: Int?
    if let last = words.first {
      guard words.count == 1, last.hasPrefix("x"), let number = Int(last.dropFirst()), number > 0 else {
        throw Problem(text, "expected how often, as in x2, not '\(words.joined(separator: " "))'")
      }
      times = number
    }
    try self.init(kind: parts[0], value: value, method: method, path: path, times: times, text: text)
  }

  /// Takes `{"method": "POST", "path": "/api/*", "kind": "status", "value": 503, "times": 2}`; only `kind` must be
  /// there, and `value` for the kinds that need one. For `{"kind": "answer"}`, `body` (a text) must be there, and `status`
  /// may be.
  public init(_ json: JSON) throws(Problem) {
    func number(_ name: String) throws(Problem) -> Int? {
      guard let value = json[name], value != .null else { return nil }
      guard let number = value.intValue else { throw Problem(json.text, "\(name) must be a whole number") }
      return number
    }
    guard let kind = json["kind"]?.stringValue else { throw Problem(json.text, "it has no kind") }
    let path = json["path"]?.stringValue ?? "*"
    let (method, times) = (json["method"]?.stringValue, try number("times"))
    if let times, times < 1 { throw Problem(json.text, "times must be 1 or more") }
    if kind == "answer" {
      guard let body = json["body"]?.stringValue else { throw Problem(json.text, "an answer needs a body, a text") }
      let status = try Self.inRange(number("status") ?? 200, Self.statuses, json.text)
      self.init(.answer(status: status, body: body), method: method, path: path, times: times)
    } else {
      try self.init(kind: kind, value: number("value"), method: method, path: path, times: times, text: json.text)
    }
  }

  private static let statuses = 200...599
  /// A day.
  private static let milliseconds = 0...86_400_000
  /// It is sent piece by piece.
  private static let hugeBytes = 0...1_000_000_000_000
  /// It is in memory as a whole.
  private static let levels = 0...10_000_000

  private static func inRange(_ value: Int, _ range: ClosedRange<Int>, _ text: String) throws(Problem) -> Int {
    guard range.contains(value) else {
      throw Problem(text, "\(value) is not within \(range.lowerBound) and \(range.upperBound)")
    }
    return value
  }

  private init(kind: String, value: Int?, method: String?, path: String, times: Int?, text: String) throws(Problem) {
    func number(_ range: ClosedRange<Int>, default usual: Int? = nil) throws(Problem) -> Int {
      guard let value = value ?? usual else { throw Problem(text, "\(kind) needs a number, as in \(kind)=500") }
      return try Self.inRange(value, range, text)
    }
    let kind: Kind =
      switch kind {
      case "delay": .delay(.milliseconds(try number(Self.milliseconds)))
      case "status": .status(try number(Self.statuses))
      case "drop": .drop
      case "lose-answer": .loseAnswer
      case "truncate": .truncate
      case "garbage": .garbage
      case "drip": .drip(.milliseconds(try number(Self.milliseconds)))
      case "redirect-loop": .redirectLoop
      case "huge": .huge(bytes: try number(Self.hugeBytes, default: 100_000_000))
      case "deep": .deep(levels: try number(Self.levels, default: 100_000))
      case "hang": .hang
      default: throw Problem(text, "there is no kind '\(kind)'; there are \(Self.names)")
      }
    self.init(kind, method: method, path: path, times: times)
  }

  private static let names =
    kinds.split(separator: "\n").map { $0.prefix { $0.isLetter || $0 == "-" } }.joined(separator: ", ") + ", answer"

  /// The fault as JSON, as the other initializer takes it.
  public var json: JSON {
    var object = JSONObject()
    if let method { object["method"] = .string(method) }
    object["path"] = .string(path)
    let (name, value) = parts
    object["kind"] = .string(name)
    if let value { object["value"] = .integer(value) }
    if case .answer(let status, let body) = kind {
      object["status"] = .integer(status)
      object["body"] = .string(body)
    }
    if let times { object["times"] = .integer(times) }
    return .object(object)
  }

  private var parts: (name: String, value: Int?) {
    switch kind {
    case .delay(let pause): ("delay", Int(pause / .milliseconds(1)))
    case .status(let code): ("status", code)
    case .answer: ("answer", nil)
    case .drop: ("drop", nil)
    case .loseAnswer: ("lose-answer", nil)
    case .truncate: ("truncate", nil)
    case .garbage: ("garbage", nil)
    case .drip(let pause): ("drip", Int(pause / .milliseconds(1)))
    case .redirectLoop: ("redirect-loop", nil)
    case .huge(let bytes): ("huge", bytes)
    case .deep(let levels): ("deep", levels)
    case .hang: ("hang", nil)
    }
  }

  public struct Problem: Error, Equatable, CustomStringConvertible {
    public let description: String
    init(_ text: String, _ what: String) { description = "not a fault: \(text): \(what)" }
  }
}

extension Fault: CustomStringConvertible {
  public var description: String {
    let (name, value) = parts
    let words = [method, path, value.map { "\(name)=\($0)" } ?? name, times.map { "x\($0)" }]
    return words.compactMap(\.self).joined(separator: " ")
  }
}
