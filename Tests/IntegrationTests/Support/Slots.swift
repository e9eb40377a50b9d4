import Foundation
import Synchronization

/// Limits how many stages run at once, so that a test times its program and not the wait for a processor.
final class Slots: Sendable {
  static let all = Slots(max(4, 2 * ProcessInfo.processInfo.activeProcessorCount))

  private struct State {
    var free: Int
    var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

    /// Takes from the head of the queue what there is room for. Nobody overtakes, so that a test that needs many slots
    /// gets its turn.
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

  /// Waits until that many slots are free, and runs the body with them; with all slots when more are wanted than exist.
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
