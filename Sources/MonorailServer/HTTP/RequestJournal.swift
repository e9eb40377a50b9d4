/// Every request as it came in, and what became of it; the oldest go first.
///
/// It may outlive its server: the numbers go on after a restart with the same journal.
public final class RequestJournal: Sendable {
  fileprivate struct Storage: Sendable {
    var requests: [RecordedRequest] = []
    /// About how much memory `requests` takes, in bytes.
    var bytes = 0
    var count = 0
    var inFlight: [String: Int] = [:]
    var connections = 0
  }

  private let storage = Observed(Storage())

  /// How many requests are kept at most. Beyond it, the oldest fifth goes.
  public let retainedRequests: Int
  /// About how much memory the journal may take, in bytes.
  public let retainedBytes: Int

  public init(retainedRequests: Int = 100_000, retainedBytes: Int = 64 << 20) {
    (self.retainedRequests, self.retainedBytes) = (retainedRequests, retainedBytes)
  }

  /// Oldest first.
  public var requests: [RecordedRequest] { storage.read { $0.requests } }

  /// Waits until there are `count` requests of that kind.
  ///
  /// - Parameter predicate: which requests count; `status` and `finished` are `nil` in one not answered yet.
  /// - Returns: the first `count` of them; `nil` when they did not come in time.
  public func waitForRequests(
    _ count: Int, timeout: Duration, matching predicate: @escaping @Sendable (RecordedRequest) -> Bool
  ) async -> [RecordedRequest]? {
    await storage.wait(timeout) { storage in
      let matching = storage.requests.filter(predicate)
      return matching.count >= count ? Array(matching.prefix(count)) : nil
    }
  }

  /// A request's place in the journal.
  public struct Entry: Sendable {
    let journal: RequestJournal
    let number: Int

    /// Writes down that the request did not go as usual.
    public func note(_ remark: any RequestRemark) { journal.note(remark, for: number) }
  }

  /// The number of a new connection, counted from 1.
  func nextConnection() -> Int {
    storage.update { storage in
      storage.connections += 1
      return storage.connections
    }
  }

  /// - Parameter make: makes the request from its number, and from whether another one of the same node is in flight.
  func begin(nodeID: String?, _ make: (_ number: Int, _ overlaps: Bool) -> RecordedRequest) -> RecordedRequest {
    storage.update { storage in
      storage.count += 1
      let inFlight = nodeID.map { storage.inFlight[$0, default: 0] } ?? 0
      if let nodeID { storage.inFlight[nodeID] = inFlight + 1 }
      let request = make(storage.count, inFlight > 0)
      storage.requests.append(request)
      storage.bytes += request.size
      storage.forgetOldest(beyond: retainedRequests, bytes: retainedBytes)
      return request
    }
  }

  /// - Parameter request: as `begin` returned it.
  /// - Returns: the request with its end; the journal may have forgotten it.
  func end(_ request: RecordedRequest, status: Int?) -> RecordedRequest {
    storage.update { storage in
      if let id = request.nodeID {
        let inFlight = storage.inFlight[id, default: 1] - 1
        storage.inFlight[id] = inFlight > 0 ? inFlight : nil
      }
      let index = storage.index(of: request.number)
      var request = index.map { storage.requests[$0] } ?? request
      (request.status, request.finished) = (status, .now)
      if let index { storage.requests[index] = request }
      return request
    }
  }

  private func note(_ remark: any RequestRemark, for number: Int) {
    storage.update { storage in
      if let index = storage.index(of: number) { storage.requests[index].remark = remark }
    }
  }
}

fileprivate extension RequestJournal.Storage {
  func index(of number: Int) -> Int? {
    guard let first = requests.first?.number, number >= first else { return nil }
    return number - first
  }

  /// Forgets the oldest requests beyond a limit, and a fifth of what the limit allows with them: to remove one from the
  /// front moves all the others.
  mutating func forgetOldest(beyond count: Int, bytes limit: Int) {
    guard requests.count > count || bytes > limit else { return }
    var keptBytes = bytes
    let first = requests.indices.first { index in
      if requests.count - index <= count - count / 5, keptBytes <= limit - limit / 5 { return true }
      keptBytes -= requests[index].size
      return false
    }
    requests.removeFirst(first ?? requests.count)
    bytes = keptBytes
  }
}
