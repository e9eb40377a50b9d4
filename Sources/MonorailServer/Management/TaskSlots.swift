import Synchronization

/// Bounds how many tasks do something at a time. Those that wait get a slot in the order of their coming.
final class TaskSlots: Sendable {
  private struct Storage {
    var free: Int
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let storage: Mutex<Storage>

  init(_ count: Int) { storage = Mutex(Storage(free: count)) }

  /// Waits for a slot.
  func take() async {
    await withCheckedContinuation { continuation in
      let isFree = storage.withLock { storage in
        guard storage.free > 0 else {
          storage.waiting.append(continuation)
          return false
        }
        storage.free -= 1
        return true
      }
      if isFree { continuation.resume() }
    }
  }

  /// Gives a slot back.
  func give() {
    let next = storage.withLock { storage -> CheckedContinuation<Void, Never>? in
      guard storage.waiting.isEmpty else { return storage.waiting.removeFirst() }
      storage.free += 1
      return nil
    }
    next?.resume()
  }
}
