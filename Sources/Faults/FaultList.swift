import Synchronization

/// The faults that are to happen.
public final class FaultList: Sendable {
  private let storage = Mutex<[Fault]>([])

  public init() {}

  /// Those that are not used up, in the order in which they were added.
  public var all: [Fault] { storage.withLock { $0 } }

  /// Adds a fault, behind those that are there.
  public func add(_ fault: Fault) { storage.withLock { $0.append(fault) } }

  public func removeAll() { storage.withLock { $0 = [] } }

  /// The first fault that this request runs into; it is used up by one.
  func take(method: String, path: String) -> Fault? {
    storage.withLock { faults in
      guard let index = faults.firstIndex(where: { $0.matches(method: method, path: path) }) else { return nil }
      let fault = faults[index]
      if let times = fault.times {
        faults[index].times = times - 1
        if times <= 1 { faults.remove(at: index) }
      }
      return fault
    }
  }
}
