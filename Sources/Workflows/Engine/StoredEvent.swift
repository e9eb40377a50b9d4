import JSONDocument

/// The form in which a server stores the events of a run: a kind and a detail.
///
/// The detail of `nodeReported` is the report as it is, so that a server that keeps reports elsewhere need not keep them
/// twice.
extension WorkflowEvent {
  public var kind: String {
    switch self {
    case .started: "started"
    case .nodeAsked: "nodeAsked"
    case .nodeReported: "nodeReported"
    case .performed: "performed"
    case .failed: "failed"
    case .requestAnswered: "requestAnswered"
    case .graphEnded: "graphEnded"
    case .notified: "notified"
    case .timePassed: "timePassed"
    case .cancelled: "cancelled"
    }
  }

  /// Null for a kind that has none. It may nest as deep as `GraphPlan.storedDepth`.
  public var detail: JSON {
    switch self {
    case .started, .nodeAsked, .timePassed, .cancelled: nil
    case .nodeReported(let report): report
    case .notified(let body): body
    case .performed(let task, .done(let value)): ["task": .string(task), "done": value]
    case .performed(let task, .failed(let reason)): ["task": .string(task), "failed": .string(reason)]
    case .failed(let task, let reason): ["task": .string(task), "reason": .string(reason)]
    case .requestAnswered(let url, let status): ["url": .string(url), "status": .integer(status)]
    case .graphEnded(let id, let status): ["graph": .string(id), "status": .string(status.rawValue)]
    }
  }

  /// - Throws: `WorkflowError` for what `kind` and `detail` do not give.
  public init(kind: String, detail: JSON = .null) throws(WorkflowError) {
    let fields = StoredFields(detail)
    switch kind {
    case "started": self = .started
    case "nodeAsked": self = .nodeAsked
    case "nodeReported": self = .nodeReported(detail)
    case "performed":
      let task = try fields.string("task")
      if let value = detail["done"] {
        self = .performed(task: task, .done(value))
      } else {
        self = .performed(task: task, .failed(try fields.string("failed")))
      }
    case "failed": self = .failed(task: try fields.string("task"), reason: try fields.string("reason"))
    case "requestAnswered":
      self = .requestAnswered(url: try fields.string("url"), status: try fields.integer("status"))
    case "graphEnded":
      let word = try fields.string("status")
      guard let status = GraphStatus(rawValue: word) else {
        throw WorkflowError("a stored event has the status \(word), which no graph has")
      }
      self = .graphEnded(instanceId: try fields.string("graph"), status)
    case "notified": self = .notified(detail)
    case "timePassed": self = .timePassed
    case "cancelled": self = .cancelled
    default: throw WorkflowError("a stored event is of the kind \(kind), which this program does not have")
    }
  }
}
