import Synchronization

/// A value that tasks wait for changes of. Each change wakes every waiting task, which then looks again: nothing polls.
final class Observed<Value: Sendable>: Sendable {
  private struct Storage {
    var value: Value
    var version = 0
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var nextWaiter = 0
  }

  private let storage: Mutex<Storage>

  init(_ value: Value) { storage = Mutex(Storage(value: value)) }

  func read<Result: Sendable>(_ body: (Value) throws -> Result) rethrows -> Result {
    try storage.withLock { try body($0.value) }
  }

  /// Changes the value and wakes everyone who waits for a change.
  @discardableResult
  func update<Result: Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    let (result, waiting) = try storage.withLock { storage in
      (try body(&storage.value), Self.changed(&storage))
    }
    for continuation in waiting { continuation.resume() }
    return result
  }

  /// Waits until `condition` has a result.
  ///
  /// - Returns: `nil` when there was none in time, or the task was cancelled.
  func wait<Result: Sendable>(
    _ timeout: Duration, for condition: @escaping @Sendable (Value) -> Result?
  ) async -> Result? {
    await attemptUntil(timeout) { storage in
      storage.withLock { (condition($0.value), $0.version) }
    }
  }

  private static func changed(_ storage: inout Storage) -> [CheckedContinuation<Void, Never>] {
    defer { storage.waiting = [:] }
    storage.version += 1
    return Array(storage.waiting.values)
  }

  private func attemptUntil<Result: Sendable>(
    _ timeout: Duration, _ attempt: @escaping @Sendable (borrowing Mutex<Storage>) -> (result: Result?, version: Int)
  ) async -> Result? {
    if let result = attempt(storage).result { return result }
    guard timeout > .zero else { return nil }
    return await withTaskGroup(of: Result?.self) { group in
      group.addTask {
        while !Task.isCancelled {
          let (result, version) = attempt(self.storage)
          if let result { return result }
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
      // The value may have come just when the time was over.
      while let other = await group.next() { result = result ?? other }
      return result
    }
  }

  /// Returns when the value is not that of `version` any more, or the task is cancelled.
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
