import Foundation
import Synchronization

/// How many stages may be up at once: what a test times must not be the queue for the processor.
final class Slots: Sendable {
  static let all = Slots(max(4, 2 * ProcessInfo.processInfo.activeProcessorCount))

  private struct State {
    var free: Int
    var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

    /// Those at the head of the queue that there is room for, so that a test which needs much does get its turn.
    mutating func admit() -> [CheckedContinuation<Void, Never>] {
      var admitted: [CheckedContinuation<Void, Never>] = []
      while let first = waiting.first, first.count <= free {
        free -= first.count
        admitted.append(first.continuation)
        waiting.removeFirst()
      }
      return admitted
    }
  }

  let count: Int
  private let state: Mutex<State>

  init(_ count: Int) {
    self.count = count
    state = Mutex(State(free: count))
  }

  /// Runs the body when so many slots are free; never more than there are.
  func taking<Value>(_ wanted: Int, _ body: () async throws -> Value) async rethrows -> Value {
    let wanted = min(wanted, count)
    guard wanted > 0 else { return try await body() }
    await withCheckedContinuation { continuation in
      let admitted = state.withLock { state in
        state.waiting.append((wanted, continuation))
        return state.admit()
      }
      for continuation in admitted { continuation.resume() }
    }
    defer {
      let admitted = state.withLock { state in
        state.free += wanted
        return state.admit()
      }
      for continuation in admitted { continuation.resume() }
    }
    return try await body()
  }
}
