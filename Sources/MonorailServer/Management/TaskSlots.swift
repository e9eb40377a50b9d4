import Synchronization

/// Bounds how many tasks do something at a time. Those that wait get a slot in the order of their coming.
final class TaskSlots: Sendable {
  /// Its continuation is told whether there is a slot for it.
  private struct Waiter: Sendable {
    let number: Int
    let continuation: CheckedContinuation<Bool, Never>
  }

  private struct Storage {
    var free: Int
    var waiting: [Waiter] = []
    var nextNumber = 0
  }

  private let storage: Mutex<Storage>

  init(_ count: Int) { storage = Mutex(Storage(free: count)) }

  /// Waits for a slot.
  ///
  /// - Throws: when the task is cancelled before there is one.
  func take() async throws(CancellationError) {
    let number = storage.withLock { storage in
      storage.nextNumber += 1
      return storage.nextNumber
    }
    let isTaken = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
        let isTaken = storage.withLock { storage -> Bool? in
          if Task.isCancelled { return false }
          guard storage.free > 0 else {
            storage.waiting.append(Waiter(number: number, continuation: continuation))
            return nil
          }
          storage.free -= 1
          return true
        }
        if let isTaken { continuation.resume(returning: isTaken) }
      }
    } onCancel: {
      let waiter = storage.withLock { storage -> Waiter? in
        guard let place = storage.waiting.firstIndex(where: { $0.number == number }) else { return nil }
        return storage.waiting.remove(at: place)
      }
      waiter?.continuation.resume(returning: false)
    }
    guard isTaken else { throw CancellationError() }
  }

  /// Gives a slot back.
  func give() {
    let next = storage.withLock { storage -> Waiter? in
      guard storage.waiting.isEmpty else { return storage.waiting.removeFirst() }
      storage.free += 1
      return nil
    }
    next?.continuation.resume(returning: true)
  }
}
