import Foundation
import MonorailStore

extension ServerState {
  /// Every accepted report in the order of their coming, or those of one node.
  ///
  /// - Throws: `StoreError` when the database cannot be read.
  public func reports(from nodeID: String? = nil) throws -> [NodeReport] {
    try store.reports(of: nodeID).map { NodeReport($0) }
  }

  /// A report that can be accepted, with what takes time done: catalogs are parsed, and outputs compressed.
  struct ArrivedReport: Sendable {
    let report: IncomingReport
    let catalogs: ParsedCatalogs
  }

  /// - Parameter connection: the number of the connection that it came over.
  func prepare(
    _ body: [UInt8], _ contents: ReportContents, from id: String, connection: Int
  ) -> ArrivedReport {
    let report = IncomingReport(
      node: id, body: body, document: contents.document, mark: contents.mark, connection: connection,
      taskCount: contents.tasks.count, failures: contents.failures, catalogs: contents.catalogs)
    return ArrivedReport(report: report, catalogs: store.parsingCatalogs(of: report))
  }

  /// Keeps a report and the catalogs that it makes, and lets the node's run go on. When this returns, the report may be
  /// acknowledged.
  func accept(_ arrived: ArrivedReport) async throws -> AcceptedReport {
    try await store.perform(.acceptReport(arrived.report, catalogs: arrived.catalogs))
  }

  /// Notes that the server did not take a node's report. The node drops it then, with the task set.
  func noteReportRefused(of nodeID: String) async throws {
    guard store.node(nodeID)?.hasTaskSet == true else { return }
    try await store.perform(.reportRefused(nodeID))
  }

  /// Waits for the node's report of that number.
  ///
  /// - Returns: `nil` when it did not come in time.
  public func waitForReport(_ sequence: Int, from nodeID: String, timeout: Duration) async throws -> NodeReport? {
    let store = store
    return try await store.wait(on: .node(nodeID), timeout: timeout) {
      guard store.node(nodeID).map({ $0.reports >= sequence }) ?? true else { return nil }
      return try store.report(of: nodeID, sequence: sequence).map { NodeReport($0) }
    }
  }

  /// Waits until `count` reports have been accepted from all nodes together.
  ///
  /// - Returns: whether they came in time.
  public func waitForReports(_ count: Int, timeout: Duration) async throws -> Bool {
    let store = store
    return try await store.wait(on: .any, timeout: timeout) {
      store.nodes.reduce(0) { $0 + $1.reports } >= count ? true : nil
    } ?? false
  }
}
