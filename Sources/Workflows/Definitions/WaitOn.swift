import JSONDocument

/// What a task of a graph waits for.
public struct WaitOn: Sendable, Hashable {
  /// One other task, and the states of it that count.
  public struct Entry: Sendable, Hashable {
    public let label: String
    /// Any of these. A state that is misspelt is not in it: it never comes true.
    public let states: Set<TaskState>
    /// The states as they were written, `finished` and misspelt ones among them.
    public let words: [String]
  }

  /// All of these must hold.
  public internal(set) var all: [Entry] = []
  /// One of these must hold, if there are any.
  public internal(set) var anyOf: [Entry] = []

  var isEmpty: Bool { all.isEmpty && anyOf.isEmpty }

  /// Every task that is named, in the order in which they were written, those of `anyOf` last.
  public var entries: [Entry] { all + anyOf }

  private static let finishedWord = "finished"
  private static let anyOfKey = "anyOf"

  /// - Parameter json: an object of labels and states; `nil` or null for none.
  /// - Throws: `WorkflowError` for another shape, and for `finished` inside `anyOf`.
  public init(_ json: JSON?) throws(WorkflowError) {
    switch json {
    case nil, .null: return
    case .object(let object):
      for member in object.members {
        if member.key == Self.anyOfKey {
          anyOf = try Self.anyOfEntries(member.value)
        } else {
          all.append(try Self.entry(member.key, member.value))
        }
      }
    default: throw WorkflowError("waitOn (object) is required: labels, each with the state to wait for")
    }
  }

  private static func anyOfEntries(_ json: JSON) throws(WorkflowError) -> [Entry] {
    guard case .object(let object) = json else {
      throw WorkflowError("anyOf in waitOn is an object: labels, each with the state to wait for")
    }
    var entries: [Entry] = []
    for member in object.members {
      let entry = try entry(member.key, member.value)
      guard !entry.words.contains(finishedWord) else {
        throw WorkflowError("waitOn: finished cannot be waited for inside anyOf (\(member.key))")
      }
      entries.append(entry)
    }
    return entries
  }

  private static func entry(_ label: String, _ json: JSON) throws(WorkflowError) -> Entry {
    let words = json.stringValue.map { [$0] } ?? json.arrayValue?.compactMap(\.stringValue) ?? []
    guard !words.isEmpty, words.count == json.arrayValue?.count ?? 1 else {
      throw WorkflowError("waitOn: what to wait for of \(label) is a state or a list of states")
    }
    let states =
      words.contains(finishedWord)
      ? TaskState.finished : Set(words.compactMap(TaskState.init)).intersection(TaskState.finished)
    return Entry(label: label, states: states, words: words)
  }

  /// Words for people, `a succeeded, b failed or timeout, and c failed or d succeeded`; empty when it waits for nothing.
  public var text: String {
    func words(_ entry: Entry) -> String { "\(entry.label) \(entry.words.joined(separator: " or "))" }
    let alternatives = anyOf.map(words).joined(separator: " or ")
    return (all.map(words) + (alternatives.isEmpty ? [] : [alternatives])).joined(separator: ", and ")
  }
}
