import Foundation

extension ServerState {
  /// Every accepted report in the order of their coming, or those of one node.
  public func reports(from nodeID: String? = nil) -> [NodeReport] {
    storage.read { storage in storage.reports.filter { nodeID == nil || $0.nodeID == nodeID } }
  }

  /// Keeps a report and the catalogs that it makes. When this returns, the report may be acknowledged.
  ///
  /// - Parameter connection: the number of the connection that it came over.
  func acceptReport(
    _ body: [UInt8], _ contents: ReportContents, from id: String, connection: Int
  ) -> NodeReport {
    storage.update { storage in
      storage.nodes[id]?.reports += 1
      let sequence = storage.reports.count { $0.nodeID == id } + 1
      let report = NodeReport(
        nodeID: id, sequence: sequence, body: body, received: .now, connection: connection,
        taskCount: contents.tasks.count, failures: contents.failures)
      storage.reports.append(report)
      var retained = storage.reports.reduce(0) { $0 + $1.body.count }
      for index in storage.reports.indices.dropLast() where retained > retainedReportBytes {
        retained -= storage.reports[index].body.count
        storage.reports[index] = storage.reports[index].withoutBody()
      }
      storage.add(contents.catalogs, of: id, at: Date(), keeping: retainedCatalogBytes)
      return report
    }
  }

  /// Waits for the node's report of that number.
  ///
  /// - Returns: `nil` when it did not come in time.
  public func waitForReport(_ sequence: Int, from nodeID: String, timeout: Duration) async -> NodeReport? {
    await storage.wait(timeout) { storage in
      storage.reports.first { $0.nodeID == nodeID && $0.sequence == sequence }
    }
  }

  /// Waits until `count` reports have been accepted from all nodes together.
  ///
  /// - Returns: whether they came in time.
  public func waitForReports(_ count: Int, timeout: Duration) async -> Bool {
    await storage.wait(timeout) { storage in
      storage.nodes.values.reduce(0) { $0 + $1.reports } >= count ? true : nil
    } ?? false
  }
}
