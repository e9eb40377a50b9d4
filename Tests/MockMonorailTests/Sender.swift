import Glibc
import TestSupport
import Testing

/// A UDP socket that sends to the server.
final class Sender: Sendable {
  private let socket: LoopbackSocket

  /// - Parameter host: the last number of the server's loopback address.
  init(to port: Int?, host: UInt8 = 1) throws {
    socket = try LoopbackSocket(.udp, to: try #require(port), host: host)
  }

  func send(_ bytes: [UInt8]) { _ = Glibc.send(socket.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
  func send(_ text: String) { send(Array(text.utf8)) }
}
