// Reading, changing and awaiting the state. Each change wakes every waiting task, which then looks again: nothing polls.

extension MonorailState {
  func read<Value>(_ body: (borrowing Storage) throws -> sending Value) rethrows -> sending Value {
    try storage.withLock { try body($0) }
  }

  /// Changes the state and wakes everyone who waits for a change.
  @discardableResult
  func update<Value: Sendable>(_ body: (inout Storage) throws -> Value) rethrows -> Value {
    let (value, waiting) = try storage.withLock { storage in
      let value = try body(&storage)
      storage.version += 1
      let waiting = storage.waiting
      storage.waiting = [:]
      return (value, waiting)
    }
    for continuation in waiting.values { continuation.resume() }
    return value
  }

  /// Waits until `condition` has a value, which it may take out of the state.
  ///
  /// - Returns: `nil` when there was none in time.
  func wait<Value: Sendable>(
    _ timeout: Duration, until condition: @escaping @Sendable (inout Storage) -> Value?
  ) async -> Value? {
    if let value = attempt(condition).value { return value }
    guard timeout > .zero else { return nil }
    return await withTaskGroup(of: Value?.self) { group in
      group.addTask {
        while !Task.isCancelled {
          let (value, version) = self.attempt(condition)
          if let value { return value }
          await self.change(since: version)
        }
        return nil
      }
      group.addTask {
        try? await Task.sleep(for: timeout)
        return nil
      }
      var result = await group.next() ?? nil
      group.cancelAll()
      // The condition may have taken something out of the state just when the time was over: it must not be lost.
      while let other = await group.next() { result = result ?? other }
      return result
    }
  }

  private func attempt<Value: Sendable>(_ condition: (inout Storage) -> Value?) -> (value: Value?, version: Int) {
    storage.withLock { (condition(&$0), $0.version) }
  }

  /// Returns when the state is not `version` any more, or the task is cancelled.
  private func change(since version: Int) async {
    let waiter = storage.withLock { storage in
      storage.nextWaiter += 1
      return storage.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = storage.withLock { storage in
          if storage.version != version || Task.isCancelled { return true }
          storage.waiting[waiter] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      storage.withLock { $0.waiting.removeValue(forKey: waiter) }?.resume()
    }
  }
}

extension MonorailState {
  /// The node's next report that this has not returned yet; waits for it.
  ///
  /// - Throws: `WaitTimeout` after `timeout`, saying what came instead.
  public func nextReport(from nodeID: String, timeout: Duration = .seconds(30)) async throws -> NodeReport {
    let report = await wait(timeout) { storage -> NodeReport? in
      let taken = storage.taken[nodeID, default: 0]
      guard let report = storage.reports.first(where: { $0.nodeID == nodeID && $0.sequence == taken + 1 }) else {
        return nil
      }
      storage.taken[nodeID] = taken + 1
      return report
    }
    guard let report else { throw WaitTimeout(awaited: "a report from node \(nodeID)", after: timeout, self) }
    return report
  }

  /// Waits until `count` reports have been accepted from all nodes together.
  ///
  /// - Throws: `WaitTimeout`.
  public func waitForReports(_ count: Int, timeout: Duration = .seconds(30)) async throws {
    guard await wait(timeout, until: { $0.nodes.values.reduce(0) { $0 + $1.reports } >= count ? true : nil }) != nil
    else { throw WaitTimeout(awaited: "\(count) reports", after: timeout, self) }
  }

  /// Waits until the journal holds `count` requests of that kind.
  ///
  /// - Parameter predicate: which requests count; `status` and `finished` are `nil` in one not answered yet.
  /// - Throws: `WaitTimeout`.
  /// - Returns: the first `count` of them.
  @discardableResult
  public func waitForRequests(
    _ count: Int = 1, timeout: Duration = .seconds(30),
    matching predicate: @escaping @Sendable (RecordedRequest) -> Bool
  ) async throws -> [RecordedRequest] {
    let found = await wait(timeout) { storage -> [RecordedRequest]? in
      let matching = storage.requests.filter(predicate)
      return matching.count >= count ? Array(matching.prefix(count)) : nil
    }
    guard let found else { throw WaitTimeout(awaited: "\(count) requests of a kind", after: timeout, self) }
    return found
  }
}

/// What was awaited did not come.
public struct WaitTimeout: Error, CustomStringConvertible {
  public let description: String

  init(awaited: String, after timeout: Duration, _ state: MonorailState) {
    let requests = state.requests
    let last = requests.suffix(10).map { "\n  \($0)" }.joined()
    description =
      "waited for \(awaited), but not within \(timeout); \(requests.count) requests so far, the last ones:\(last)"
  }
}
