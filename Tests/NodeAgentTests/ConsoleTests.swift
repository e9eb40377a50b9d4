import Foundation
import MonorailProtocol
import Synchronization
import Testing

@testable import NodeAgent

@Suite struct ConsoleTests {
  /// All that is written to a pipe, read on a thread of its own so that nobody has to wait for it.
  final class Reader: Sendable {
    private let text = Mutex("")
    private let end = DispatchSemaphore(value: 0)

    init(_ descriptor: Int32) {
      Thread.detachNewThread { [self] in
        let data = FileHandle(fileDescriptor: descriptor).readDataToEndOfFile()
        text.withLock { $0 = String(decoding: data, as: UTF8.self) }
        end.signal()
      }
    }

    /// What was there when the last writer closed the pipe.
    func lines() -> [Substring] {
      end.wait()
      return text.withLock { $0.split(separator: "\n") }
    }
  }

  @Test("a console that takes nothing holds nobody up, and is told which lines it missed")
  func stuck() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let console = Console(descriptor: ends[1])
    let padding = String(repeating: "x", count: 1000)
    for number in 1...1000 { console.write(line: "\(number) \(padding)") }
    // Some room, so that there may be gaps in the middle, too.
    var piece = [UInt8](repeating: 0, count: 60_000)
    let count = read(ends[0], &piece, piece.count)
    for number in 1001...1500 { console.write(line: "\(number) \(padding)") }
    let reader = Reader(ends[0])
    console.finish(within: 60_000)
    close(ends[1])
    let rest = reader.lines().joined(separator: "\n")
    let lines = (String(decoding: piece.prefix(max(0, count)), as: UTF8.self) + rest).split(separator: "\n")
    close(ends[0])

    var last = 0
    var gaps = 0
    for line in lines {
      if let note = line.wholeMatch(of: /monorail-agent: … ([0-9]+) lines? left out, .*/), let count = Int(note.1) {
        last += count
        gaps += 1
      } else {
        #expect(line == "\(last + 1) \(padding)")
        last += 1
      }
    }
    #expect(last == 1500)
    #expect(gaps > 0)
  }

  @Test("a line is never longer than what the buffer takes at once")
  func longLine() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let reader = Reader(ends[0])
    let console = Console(descriptor: ends[1])
    console.write(line: String(repeating: "x", count: 100_000))
    console.write(line: "next")
    console.finish(within: 60_000)
    close(ends[1])
    #expect(reader.lines().map(\.count) == [4095, 4])
    close(ends[0])
  }

  @Test("the end is not held up by a console that takes nothing")
  func stuckAtTheEnd() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let console = Console(descriptor: ends[1])
    for _ in 1...1000 { console.write(line: String(repeating: "x", count: 1000)) }
    let start = ContinuousClock.now
    console.finish(within: 200)
    #expect(ContinuousClock.now - start < .seconds(30))
    // With the reading end closed, the writer's thread gets an error and ends.
    close(ends[0])
  }

  @Test("the descriptor that others share is not made non-blocking")
  func sharedFlags() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let console = Console(descriptor: ends[1])
    console.write(line: "x")
    #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0)
    // Its thread would write to whatever gets the descriptor's number next.
    console.finish(within: 60_000)
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
    let console = Console(descriptor: null)
    // Before the descriptor is closed: another test may get its number.
    defer { console.finish(within: 60_000) }
    let log = Log(level: .info, console: console, syslog: SyslogSender(target))
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
