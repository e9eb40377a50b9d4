import Synchronization

/// Who waits for which change. A change wakes only those who wait for its topic.
public final class ChangeObservation<Topic: Hashable & Sendable>: Sendable {
  private struct State {
    /// Grows with each change.
    var version = 0
    /// The version of the last change of each topic.
    var changes: [Topic: Int] = [:]
    var waiting: [Topic: [Int: CheckedContinuation<Void, Never>]] = [:]
    var nextWaiter = 0
  }

  private let state = Mutex(State())

  public init() {}

  public func tell(_ topics: Set<Topic>) {
    let woken = state.withLock { state in
      state.version += 1
      var woken: [CheckedContinuation<Void, Never>] = []
      for topic in topics {
        state.changes[topic] = state.version
        if let waiting = state.waiting.removeValue(forKey: topic) { woken += waiting.values }
      }
      return woken
    }
    for continuation in woken { continuation.resume() }
  }

  /// Waits until `condition` has a value, looking again after each change of the topic.
  ///
  /// - Returns: `nil` when there was none in time.
  public func wait<Value: Sendable>(
    on topic: Topic, timeout: Duration, until condition: @escaping @Sendable () async throws -> Value?
  ) async throws -> Value? {
    let seen = version(of: topic)
    if let value = try await condition() { return value }
    guard timeout > .zero else { return nil }
    return try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask {
        var seen = seen
        while !Task.isCancelled {
          await self.change(of: topic, since: seen)
          if Task.isCancelled { return nil }
          seen = self.version(of: topic)
          if let value = try await condition() { return value }
        }
        return nil
      }
      group.addTask {
        try? await Task.sleep(for: timeout)
        return nil
      }
      var result = try await group.next() ?? nil
      group.cancelAll()
      // The condition may have taken something just when the time was over: it must not be lost.
      while let other = try await group.next() { result = result ?? other }
      return result
    }
  }

  private func version(of topic: Topic) -> Int { state.withLock { $0.changes[topic] ?? 0 } }

  /// Returns when the topic has changed since that version, or the task is cancelled.
  private func change(of topic: Topic, since version: Int) async {
    let waiter = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.changes[topic] ?? 0 != version || Task.isCancelled { return true }
          state.waiting[topic, default: [:]][waiter] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting[topic]?.removeValue(forKey: waiter) }?.resume()
    }
  }
}
