import MonorailStore
import Synchronization

/// A value that tasks wait for changes of. Each change wakes every waiting task, which then looks again: nothing polls.
final class Observed<Value: Sendable>: Sendable {
  private enum Topic {
    case value
  }

  private let value: Mutex<Value>
  private let observation = ChangeObservation<Topic>()

  init(_ value: Value) { self.value = Mutex(value) }

  func read<Result: Sendable>(_ body: (Value) throws -> Result) rethrows -> Result {
    try value.withLock { try body($0) }
  }

  /// Changes the value and wakes everyone who waits for a change.
  @discardableResult
  func update<Result: Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    let result = try value.withLock { try body(&$0) }
    observation.tell([.value])
    return result
  }

  /// Waits until `condition` has a result.
  ///
  /// - Returns: `nil` when there was none in time, or the task was cancelled.
  func wait<Result: Sendable>(
    _ timeout: Duration, for condition: @escaping @Sendable (Value) -> Result?
  ) async -> Result? {
    // The condition throws nothing.
    try? await observation.wait(on: .value, timeout: timeout) { self.read(condition) }
  }
}
