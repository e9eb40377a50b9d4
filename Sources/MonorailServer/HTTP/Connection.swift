import NIOCore
import NIOHTTP1
import Synchronization

/// One TCP connection of a client.
public final class Connection: Sendable {
  public let number: Int
  let channel: any Channel
  /// Whether the server closes it, to make room.
  let isBeingClosed = Atomic(false)
  private let isLeft = Atomic(false)
  private let use: Mutex<Use>
  private let leaving: AsyncStream<Never>
  private let leave: AsyncStream<Never>.Continuation
  /// Called when the client has closed its side, by number.
  private let farewells = Mutex<[Int: @Sendable () -> Void]>([:])

  private struct Use {
    var requests = 0
    var lastUsed = ContinuousClock.now
  }

  init(number: Int, channel: any Channel) {
    (self.number, self.channel) = (number, channel)
    use = Mutex(Use())
    (leaving, leave) = AsyncStream.makeStream()
  }

  /// Busy for as long as this object lives.
  final class Request: Sendable {
    private let connection: Connection

    init(on connection: Connection) {
      self.connection = connection
      connection.use.withLock { $0.requests += 1 }
    }

    deinit {
      connection.use.withLock {
        $0.requests -= 1
        $0.lastUsed = .now
      }
    }
  }

  /// Since when it has had no request; `nil` while it has one.
  var idleSince: ContinuousClock.Instant? { use.withLock { $0.requests > 0 ? nil : $0.lastUsed } }

  var remotePort: Int? { channel.remoteAddress?.port }

  /// False once the client has closed its side.
  var isOpen: Bool { !isLeft.load(ordering: .relaxed) }

  func clientLeft() {
    isLeft.store(true, ordering: .relaxed)
    leave.finish()
    for farewell in farewells.withLock({ Array($0.values) }) { farewell() }
  }

  /// Has `farewell` called when the client closes its side, until `forgetFarewell`.
  func onClientLeft(_ farewell: @escaping @Sendable () -> Void) -> Int {
    farewells.withLock { farewells in
      let number = (farewells.keys.max() ?? 0) + 1
      farewells[number] = farewell
      return number
    }
  }

  func forgetFarewell(_ number: Int) { farewells.withLock { $0[number] = nil } }

  /// Waits until the client has closed its side, or the task is cancelled. One task at a time may wait.
  public func waitUntilClientLeft() async { for await _ in leaving {} }

  /// Sends bytes as they are, past the HTTP encoder (but through TLS), and waits until they have been handed over.
  public func writeRaw(_ bytes: ByteBuffer) async throws {
    let sent = channel.eventLoop.makePromise(of: Void.self)
    channel.eventLoop.execute { [channel] in
      do {
        let encoder = try channel.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        encoder.writeAndFlush(NIOAny(bytes), promise: sent)
      } catch {
        sent.fail(error)
      }
    }
    try await sent.futureResult.get()
  }

  /// Closes the socket at once, below TLS, which would wait seconds for the client's close_notify.
  public func close() async {
    let closed = channel.eventLoop.makePromise(of: Void.self)
    channel.eventLoop.execute { [channel] in
      do {
        try channel.pipeline.syncOperations.context(handlerType: SocketHandler.self).close(mode: .all, promise: closed)
      } catch {
        closed.fail(error)
      }
    }
    try? await closed.futureResult.get()
  }
}
