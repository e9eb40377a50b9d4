import Foundation
import MonorailProtocol
import Testing

@testable import NodeAgent

@Suite struct ConsoleTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  /// Reads what a non-blocking descriptor holds.
  private func drain(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(descriptor, &piece, piece.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += piece[..<count]
    }
  }

  @Test("a console that takes nothing holds nobody up, and hears later how much it missed")
  func stuck() throws {
    let path = directory.path + "/console"
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    let writer = open(path, O_WRONLY)
    defer {
      close(reader)
      close(writer)
    }
    let console = Console(descriptor: writer)
    let line = String(repeating: "x", count: 1023)
    for _ in 0..<100 { console.write(line: line) }
    let taken = drain(reader).split(separator: "\n").count
    #expect(taken < 100 && taken > 0)
    console.write(line: "next")
    let rest = drain(reader)
    #expect(rest.contains("lines were not shown"))
    #expect(rest.hasSuffix("next\n"))
  }

  @Test("the descriptor that others share is not made non-blocking")
  func sharedFlags() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    Console(descriptor: ends[1]).write(line: "x")
    #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0)
  }

  @Test("a log line goes to the syslog server in the framing of RFC 3164, and says which node it comes from")
  func syslog() throws {
    let listener = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        #expect(bind(listener, $0, size) == 0)
        #expect(getsockname(listener, $0, &size) == 0)
      }
    }
    let port = UInt16(bigEndian: address.sin_port)
    let target = try #require(SyslogAddress("127.0.0.1:\(port)"))
    let null = open("/dev/null", O_WRONLY)
    defer { close(null) }
    let log = Log(level: .info, console: Console(descriptor: null), syslog: SyslogSender(target))
    /// What the server gets of that line, behind the head that RFC 3164 asks for.
    func message() throws -> Substring {
      var buffer = [UInt8](repeating: 0, count: 2048)
      let count = recv(listener, &buffer, buffer.count, 0)
      let line = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
      let form = #/<28>[A-Z][a-z]{2} [ 0-3][0-9] \d\d:\d\d:\d\d \S+ monorail-agent: (.*)/#
      return try #require(line.wholeMatch(of: form), "\(line)").1
    }
    log.warning("not yet")
    #expect(try message() == "warning: not yet")
    log.identify(node: nil, mac: MACAddress("00:1e:67:98:bc:7e"))
    log.warning("not yet")
    #expect(try message() == #"[monorail mac="00:1e:67:98:bc:7e"] warning: not yet"#)
    log.identify(node: #"a"b\c]"#, mac: nil)
    log.warning("not yet")
    #expect(try message() == #"[monorail node="a\"b\\c\]" mac="00:1e:67:98:bc:7e"] warning: not yet"#)
  }
}

@Suite struct OutputLinesTests {
  final class Shown {
    var lines: [String] = []
  }

  private func shown(_ pieces: [String]) -> [String] {
    let shown = Shown()
    var lines = OutputLines { shown.lines.append($0) }
    for piece in pieces { Array(piece.utf8).withUnsafeBytes { lines.append($0) } }
    lines.finish()
    return shown.lines
  }

  @Test("shows whole lines, whatever the pieces; empty ones, and what a progress display writes over, cost nothing")
  func lines() {
    #expect(shown(["one\ntw", "o\n\n", "10 %\r20 %\r\n", "end"]) == ["one", "two", "10 %", "20 %", "end"])
    #expect(shown([]) == [])
  }

  @Test("cuts long lines, and takes control characters off")
  func long() {
    #expect(shown([String(repeating: "x", count: 100_000)]).map(\.count) == [300])
    #expect(shown(["\u{1B}[31mred\n"]) == [" [31mred"])
  }

  @Test("a flood is cut, and the rest counted")
  func flood() throws {
    let lines = shown([String(repeating: "line\n", count: 100_000)])
    let count = lines.count - 1
    #expect(count >= 200 && count < 10_000)
    #expect(lines.last == "(\(100_000 - count) more lines; the report has them)")
  }
}

@Suite struct NetworkInterfacesTests {
  @Test("only NICs with a device behind them count, in the order of their names")
  func physical() throws {
    let directory = try TemporaryDirectory()
    for (name, address, hasDevice) in [
      ("eth1", "00:1E:67:98:BC:7F\n", true), ("eth0", "00:1e:67:98:bc:7e\n", true),
      ("lo", "00:00:00:00:00:00\n", false),
      ("br0", "00:1e:67:98:bc:70\n", false), ("ib0", "80:00:02:08:fe:80:00:00\n", true),
    ] {
      let path = "\(directory.path)/\(name)"
      try FileManager.default.createDirectory(
        atPath: path + (hasDevice ? "/device" : ""), withIntermediateDirectories: true)
      try address.write(toFile: path + "/address", atomically: true, encoding: .utf8)
    }
    let found = NetworkInterfaces.physicalAddresses(sysfs: directory.path).map(\.description)
    #expect(found == ["00:1e:67:98:bc:7e", "00:1e:67:98:bc:7f"])
    #expect(NetworkInterfaces.physicalAddresses(sysfs: directory.path + "/absent").isEmpty)
  }
}
