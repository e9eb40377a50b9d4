import Foundation

/// A socket of the loopback network, closed when the last reference to this object goes.
public final class LoopbackSocket: Sendable {
  public enum Kind: Sendable {
    case tcp
    case udp
  }

  public struct Failure: Error, Equatable {
    /// The value of errno.
    public let code: Int32
    public init(code: Int32) { self.code = code }
  }

  public let descriptor: Int32

  /// A socket at a port that is free; one of TCP takes connections.
  public init(listening kind: Kind) throws {
    descriptor = Self.make(kind)
    try Self.withAddress(port: 0) { [descriptor] in
      bind(descriptor, $0, $1) == 0 && (kind == .udp || listen(descriptor, 8) == 0)
    }
  }

  /// A socket that is connected to a port.
  ///
  /// - Parameter host: the last number of a loopback address, 1 for 127.0.0.1.
  public init(_ kind: Kind, to port: Int, host: UInt8 = 1) throws {
    descriptor = Self.make(kind)
    try Self.withAddress(port: port, host: host) { [descriptor] in connect(descriptor, $0, $1) == 0 }
  }

  deinit { close(descriptor) }

  /// The port that it is bound to.
  public var port: Int {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func make(_ kind: Kind) -> Int32 {
    let type = kind == .tcp ? SOCK_STREAM : SOCK_DGRAM
    return socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  }

  private static func withAddress(
    port: Int, host: UInt8 = 1, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
  ) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = (0x7F00_0000 | UInt32(host)).bigEndian
    let hasSucceeded = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard hasSucceeded else { throw Failure(code: errno) }
  }
}
