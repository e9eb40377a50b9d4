import JSONDocument
import Logging
import MonorailProtocol
import MonorailStore

/// Something that happened at the server: as a line for people, and as JSON for programs (docs/mock.md).
public enum ServerEvent: Sendable {
  /// The server accepts connections.
  case listening(url: String, port: Int, syslogPort: Int?)
  /// A node asked for something for the first time.
  case node(id: String, mac: MACAddress?, ip: String?)
  /// A node asked for its boot profile. `files`: what it boots; empty when `problems` say why it cannot.
  case boot(node: String, files: [String], problems: [String])
  /// Task sets were queued for a node.
  case queued(node: String, workflow: String?)
  /// A node was given a task set.
  case taskSet(node: String, id: String, workflow: String?)
  /// A report was accepted. `file`: where `--results` has it.
  case report(NodeReport, bytes: Int, file: String?)
  /// An output that was to become a catalog could not be parsed, and is kept as it is, or had nothing to store in it.
  case notParsed(node: String, source: String, isStored: Bool, reason: String)
  /// Something happened to a run of a graph.
  case workflow(StoreNotice)
  /// A request was answered, or its connection closed.
  case request(RecordedRequest)
  /// Lines of syslog cannot be written.
  case problem(String)

  private var name: String {
    switch self {
    case .listening: "listening"
    case .node: "node"
    case .boot: "boot"
    case .queued: "queued"
    case .taskSet: "task-set"
    case .report: "report"
    case .notParsed: "catalog-not-parsed"
    case .workflow(let notice): notice.name
    case .request: "request"
    case .problem: "problem"
    }
  }

  /// One object; what is not known is `null`.
  public var json: JSON {
    var fields = JSONObject()
    fields["event"] = .string(name)
    switch self {
    case .listening(let url, let port, let syslogPort):
      fields["url"] = .string(url)
      fields["port"] = .integer(port)
      fields["syslogPort"] = syslogPort.map { .integer($0) } ?? .null
    case .node(let id, let mac, let ip):
      fields["node"] = .string(id)
      fields["mac"] = .init(mac?.description)
      fields["ip"] = .init(ip)
    case .boot(let node, let files, let problems):
      fields["node"] = .string(node)
      fields["files"] = .array(files.map { .string($0) })
      fields["problems"] = .array(problems.map { .string($0) })
    case .queued(let node, let workflow):
      fields["node"] = .string(node)
      fields["workflow"] = .init(workflow)
    case .taskSet(let node, let id, let workflow):
      fields["node"] = .string(node)
      fields["id"] = .string(id)
      fields["workflow"] = .init(workflow)
    case .report(let report, let bytes, let file):
      fields["node"] = .string(report.nodeID)
      fields["sequence"] = .integer(report.sequence)
      fields["tasks"] = .integer(report.taskCount)
      fields["failures"] = .array(report.failures.map { .string($0) })
      fields["bytes"] = .integer(bytes)
      fields["file"] = .init(file)
    case .notParsed(let node, let source, let isStored, let reason):
      fields["node"] = .string(node)
      fields["source"] = .string(source)
      fields["stored"] = .bool(isStored)
      fields["reason"] = .string(reason)
    case .workflow(let notice): notice.addFields(to: &fields)
    case .request(let request):
      fields["method"] = .string(request.method)
      fields["path"] = .string(request.path)
      fields["query"] = .init(request.query)
      fields["status"] = request.status.map { .integer($0) } ?? .null
      fields["node"] = .init(request.nodeID)
      fields["milliseconds"] = .integer(request.milliseconds)
      fields["fault"] = request.remark?.json ?? .null
    case .problem(let text):
      fields["text"] = .string(text)
    }
    return .object(fields)
  }

  var level: Logger.Level {
    switch self {
    case .request: .info
    case .boot(_, _, let problems) where !problems.isEmpty: .warning
    case .problem, .notParsed(_, _, isStored: true, _): .warning
    default: .notice
    }
  }
}

extension ServerEvent: CustomStringConvertible {
  /// One line for the log: whatever nodes sent, nothing in it can act on a terminal or begin another line.
  public var description: String { ReadableText.line(text) }

  private var text: String {
    switch self {
    case .listening(let url, _, _): return "listens at \(url)"
    case .node(let id, let mac, let ip):
      return "node \(mac.map { "\(id) (\($0))" } ?? id) appears from \(ip ?? "somewhere")"
    case .boot(let node, let files, let problems):
      return problems.isEmpty
        ? "node \(node) boots \(files.joined(separator: ", "))"
        : "node \(node) cannot boot: \(problems.joined(separator: "; "))"
    case .queued(let node, let workflow): return "node \(node) gets \(workflow ?? "a task set")"
    case .taskSet(let node, let id, let workflow):
      return "node \(node) takes task set \(workflow.map { "\($0) (\(id))" } ?? id)"
    case .report(let report, let bytes, _):
      let failed = report.failures.isEmpty ? "" : ", failed: " + report.failures.joined(separator: "; ")
      return "node \(report.nodeID) reports \(ReadableText.tasks(report.taskCount)) (\(bytes) bytes)\(failed)"
    case .notParsed(let node, let source, let isStored, let reason):
      return "node \(node) has no catalog \(source): \(reason)" + (isStored ? "; the output is kept" : "")
    case .request(let request): return "\(request) in \(request.milliseconds) ms"
    case .workflow(let notice): return notice.sentence
    case .problem(let text): return text
    }
  }
}

extension JSON {
  /// A text, or `null`.
  init(_ text: String?) { self = text.map { .string($0) } ?? .null }
}
