import Foundation
import JSONDocument
import MonorailProtocol
import MonorailStore

// The form in which a line is stored.
extension SyslogLine {
  var record: SyslogRecord {
    var line = JSONObject()
    line["source"] = .string(source)
    line["priority"] = priority.map { .integer($0) }
    line["host"] = host.map { .string($0) }
    line["tag"] = tag.map { .string($0) }
    if let agent { line["agent"] = ["node": .init(agent.node), "mac": .init(agent.mac?.description)] }
    line["text"] = .string(text)
    return SyslogRecord(
      node: nodeID, receivedAt: Int(received.timeIntervalSince1970 * 1000), line: .object(line))
  }

  /// `nil` for a record that `record` did not make.
  init?(_ record: SyslogRecord) {
    let line = record.line
    guard let source = line["source"]?.stringValue, let text = line["text"]?.stringValue else { return nil }
    let agent = line["agent"].map { agent in
      SyslogAgent(node: agent["node"]?.stringValue, mac: agent["mac"]?.stringValue.flatMap { MACAddress($0) })
    }
    self.init(
      nodeID: record.node, received: Date(timeIntervalSince1970: Double(record.receivedAt) / 1000), source: source,
      priority: line["priority"]?.intValue, host: line["host"]?.stringValue, tag: line["tag"]?.stringValue,
      agent: agent, text: text)
  }
}
