import JSONDocument

/// The document that the server hands to a node, and that comes back with results in its tasks.
public struct TaskSet: Sendable, Equatable {
  /// Every field of the document, also those that have no meaning here.
  public let document: JSONObject
  public let tasks: [NodeTask]

  /// - Throws: `JSONParseError`, or `Problem` for a document that is not a task set.
  public init(parsing text: some Collection<UInt8>) throws {
    try self.init(JSON(parsing: text))
  }

  public init(_ json: JSON) throws(Problem) {
    guard case .object(let document) = json else { throw Problem("the document is not an object") }
    guard let list = document["tasks"]?.arrayValue else { throw Problem("it has no list of tasks") }
    var tasks: [NodeTask] = []
    for (index, element) in list.enumerated() {
      guard case .object(let fields) = element else { throw Problem("task \(index) is not an object") }
      tasks.append(NodeTask(fields: fields))
    }
    (self.document, self.tasks) = (document, tasks)
  }

  /// The node's identifier, as the server knows it.
  public var identifier: String? { document["identifier"]?.stringValue }

  /// The code that the agent is to end with after the last answer to its report, as the server wrote it: a number, or
  /// `{"code": n}`. `nil` to ask for more work.
  public var exit: String? {
    if case .number(let text)? = document["exit"]?["code"] ?? document["exit"] { text } else { nil }
  }

  public struct Problem: Error, Equatable, CustomStringConvertible {
    public let description: String
    init(_ what: String) { description = "not a task set: \(what)" }
  }
}
