import JSONDocument
import MockMonorail
import Synchronization

/// What a server told, as programs get it.
final class EventList: Sendable {
  private let events = Mutex<[JSON]>([])

  var all: [JSON] { events.withLock { $0 } }

  func add(_ event: ServerEvent) { events.withLock { $0.append(event.json) } }
}
