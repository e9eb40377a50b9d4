import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// The open connections of a server.
final class Connections: Sendable {
  private struct Storage {
    var open: [ObjectIdentifier: Connection] = [:]
    var isStopped = false
  }

  /// How many there may be.
  let maximum: Int
  private let storage = Mutex(Storage())
  private let journal: RequestJournal

  init(journal: RequestJournal, maximum: Int) {
    (self.journal, self.maximum) = (journal, maximum)
  }

  /// How many the process's descriptors allow, when each client is sent a file.
  static func allowed() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 400 }
    // Of the event loops, of standard input and output, and of what is written.
    let others = 50
    return max(4, (Int(clamping: limit.rlim_cur) - others) / 2)
  }

  subscript(channel: any Channel) -> Connection? { storage.withLock { $0.open[ObjectIdentifier(channel)] } }

  /// Takes a new connection in. When there are too many, the one that is idle longest is closed for it: who needs it
  /// connects again, while a client that is not let in can do nothing.
  func add(_ channel: any Channel) {
    let connection = Connection(number: journal.nextConnection(), channel: channel)
    let (isStopped, surplus) = storage.withLock { storage in
      let surplus = storage.open.count < maximum ? [] : Self.longestIdle(of: storage.open.values, beyond: maximum - 1)
      for each in surplus { each.isBeingClosed.store(true, ordering: .relaxed) }
      storage.open[ObjectIdentifier(channel)] = connection
      return (storage.isStopped, surplus)
    }
    for each in surplus { each.channel.close(promise: nil) }
    if isStopped { channel.close(promise: nil) }
  }

  /// Those to close so that no more than `limit` stay; fewer where too many have a request.
  private static func longestIdle(of open: some Collection<Connection>, beyond limit: Int) -> [Connection] {
    let staying = open.filter { !$0.isBeingClosed.load(ordering: .relaxed) }
    guard staying.count > limit else { return [] }
    let idle = staying.compactMap { each in each.idleSince.map { (each, $0) } }
    let ordered = idle.sorted { ($0.1, $0.0.number) < ($1.1, $1.0.number) }
    return ordered.prefix(staying.count - limit).map(\.0)
  }

  /// The client has closed its side: what waits on its behalf can end.
  func clientLeft(_ channel: any Channel) {
    self[channel]?.clientLeft()
  }

  func remove(_ channel: any Channel) {
    clientLeft(channel)
    _ = storage.withLock { $0.open.removeValue(forKey: ObjectIdentifier(channel)) }
  }

  /// Closes every connection, and each one that still comes.
  func stop() async {
    let open = storage.withLock { storage in
      storage.isStopped = true
      return Array(storage.open.values)
    }
    for connection in open { await connection.close() }
  }
}

/// Does nothing; marks the place next to the socket, below TLS.
final class SocketHandler: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = NIOAny
}

/// Tells `Connections` of a channel's life.
final class ConnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny

  private let connections: Connections

  init(_ connections: Connections) { self.connections = connections }

  func handlerAdded(context: ChannelHandlerContext) {
    // Adding can only fail when the channel is closed already.
    try? context.channel.pipeline.syncOperations.addHandler(SocketHandler(), position: .first)
    connections.add(context.channel)
  }

  func channelInactive(context: ChannelHandlerContext) {
    connections.remove(context.channel)
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { connections.clientLeft(context.channel) }
    context.fireUserInboundEventTriggered(event)
  }
}
