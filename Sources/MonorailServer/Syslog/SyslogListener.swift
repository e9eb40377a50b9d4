import NIOCore
import NIOPosix
import Synchronization

/// Takes lines of syslog over UDP.
///
/// A thread of its own takes one datagram after the other and writes it to the file. When datagrams come faster, the kernel
/// drops some at the socket, as it does for any syslog server. HTTP requests do not wait for that thread.
final class SyslogListener: Sendable {
  /// The port that it listens at.
  let port: Int
  private let channel: any Channel
  private let group: MultiThreadedEventLoopGroup
  private let stopping = Mutex<Task<Void, Never>?>(nil)

  /// - Parameter port: 0 takes any that is free.
  /// - Throws: `MonorailServer.StartError`.
  static func start(
    host: String, port: Int, state: ServerState, files: SyslogFiles?, tell: @escaping @Sendable (ServerEvent) -> Void
  ) async throws -> SyslogListener {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      let channel = try await DatagramBootstrap(group: group)
        .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: SyslogLine.maximumBytes))
        .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)
        .channelInitializer { channel in
          channel.pipeline.addHandler(SyslogHandler(state: state, files: files, tell: tell))
        }
        .bind(host: host, port: port).get()
      guard let port = channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
      return SyslogListener(port: port, channel: channel, group: group)
    } catch {
      try? await group.shutdownGracefully()
      throw MonorailServer.StartError(
        "cannot listen for syslog at UDP \(host):\(port)\(MonorailServer.StartError.reason(error))")
    }
  }

  private init(port: Int, channel: any Channel, group: MultiThreadedEventLoopGroup) {
    (self.port, self.channel, self.group) = (port, channel, group)
  }

  /// Stops listening; its port is free when this returns. May be called again.
  func stop() async {
    // Closing twice would wait for ever: a channel whose event loop has ended never says that it is closed.
    let task = stopping.withLock { stopping in
      let task =
        stopping
        ?? Task { [channel, group] in
          try? await channel.close().get()
          try? await group.shutdownGracefully()
        }
      stopping = task
      return task
    }
    await task.value
  }
}

private final class SyslogHandler: ChannelInboundHandler, Sendable {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>

  private let state: ServerState
  private let files: SyslogFiles?
  private let tell: @Sendable (ServerEvent) -> Void

  init(state: ServerState, files: SyslogFiles?, tell: @escaping @Sendable (ServerEvent) -> Void) {
    (self.state, self.files, self.tell) = (state, files, tell)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let envelope = unwrapInboundIn(data)
    let source = envelope.remoteAddress.ipAddress ?? "-"
    let line = state.addSyslog(SyslogLine(envelope.data.readableBytesView, from: source)) { [tell] error in
      tell(.problem("lines of syslog cannot be stored: \(error)"))
    }
    if let problem = files?.write(line) { tell(.problem(problem)) }
  }

  /// An error of one datagram, as an ICMP answer to another, does not end the listening.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
