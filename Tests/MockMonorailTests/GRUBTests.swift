import Foundation
import JSONDocument
import MockMonorail
import Testing

private let mac = "52:54:00:12:34:56"
private let url = "/api/current/profiles/grub"

/// The profile for GRUB, from the same values as iPXE's.
@Suite struct GRUBTests {
  private let base = "http://mock.example:9080"

  private func profile(_ mock: MockMonorail, _ query: String = "?macs=\(mac)") async throws -> String {
    try await mock.request("GET", url + query).text
  }

  /// The words that GRUB makes of a line of the script.
  private func words(_ script: String, _ command: String) throws -> [String] {
    let line = try #require(script.split(separator: "\n").first { $0.contains("if \(command) ") }, "\(script)")
    let text = line.drop { $0 == " " }.dropFirst("if \(command) ".count).dropLast("; then".count)
    return text.split(separator: " ").map { $0.filter { $0 != "'" && $0 != "\"" } }
  }

  @Test func `A node boots the kernel with the parameters that iPXE gives it`() async throws {
    try await withBootDirectory(change: { $0.boot.kernelArguments = "a=$b;c&&{d} e" }) { mock, _ in
      let script = try await profile(mock)
      let words = try words(script, "linux")
      #expect(words.first == "/vmlinuz-6.1")
      let parameters = try #require(try await mock.nextBoot(mac: mac).kernelArguments)
      #expect(words.dropFirst().joined(separator: " ") == parameters)
      #expect(parameters.hasSuffix(" a=$b;c&&{d} e") && parameters.contains(" BOOTIF=01-\(mac) "))
      #expect(script.contains(" 'a=$b;c&&{d}' "), "GRUB reads no variable and no command in it")
      #expect(try self.words(script, "initrd") == ["/initrd.img-6.1"])
      let ipxe = try await mock.request("GET", "/api/current/profiles?macs=\(mac)").text
      #expect(ipxe.contains(parameters))
    }
  }

  @Test func `Without an address the profile is for any node, and GRUB fills the address in`() async throws {
    try await withBootDirectory { mock, _ in
      let script = try await profile(mock, "")
      #expect(script.contains(#" "BOOTIF=01-$net_default_mac" "#))
      #expect(mock.state.nodes.isEmpty)
    }
  }

  @Test(arguments: [
    ("", "kernel=\"a b\"", "quotes or backslashes"), ("", "a=\\b", "quotes or backslashes"),
    ("http://h/vmlinuz", "", "GRUB cannot fetch http://h/vmlinuz"),
    ("vmlinuz-7", "", "there is no vmlinuz-7"), ("", String(repeating: "a", count: 2000), "too long"),
  ])
  func `What GRUB cannot boot is said on the node's console`(kernel: String, arguments: String, words: String)
    async throws
  {
    try await withBootDirectory(change: {
      if !kernel.isEmpty { $0.boot.kernelFile = kernel }
      $0.boot.kernelArguments = arguments
    }) { mock, _ in
      let script = try await profile(mock)
      let said = script.split(separator: "\n").filter { $0.hasPrefix("echo 'monorail: ") }
      #expect(said.count == 1 && said[0].contains(words), "\(script)")
      #expect(script.contains("\nreboot\n") && !script.contains("linux /"))
    }
  }

  @Test func `A node that something else is said for has a file of its own`() async throws {
    try await withDirectory { directory in
      let grub = directory + "/tftp/grub"
      try FileManager.default.createDirectory(atPath: grub, withIntermediateDirectories: true)
      let own = grub + "/grub.cfg-01-52-54-00-12-34-56"
      let left = grub + "/grub.cfg-01-52-54-00-12-34-57"
      for path in [left, grub + "/unicode.pf2"] { try "old".write(toFile: path, atomically: true, encoding: .utf8) }
      try await withBootDirectory(
        change: {
          ($0.grubDirectory, $0.advertisedServer) = (grub, "10.0.2.2")
          $0.idleHold = .zero
        }
      ) { mock, boot in
        let usual = try String(contentsOfFile: grub + "/grub.cfg", encoding: .utf8)
        #expect(usual.contains(" 'API_CB=10.0.2.2:\(mock.port)' ") && usual.contains("\"BOOTIF=01-$net_default_mac\""))
        #expect(!FileManager.default.fileExists(atPath: left), "of a node of an earlier server")
        #expect(FileManager.default.fileExists(atPath: grub + "/unicode.pf2"), "not ours")

        mock.addNode(mac: mac, id: "n1")
        let options = try #require(try JSON(parsing: #"{"overlayfsFile": "flash.overlay.cpio.gz"}"#).objectValue)
        try mock.push(taskSetText: #"{"tasks":[]}"#, to: "n1", options: options)
        let missing = try await contents(of: own) { $0 != nil }
        #expect(missing?.contains("there is no flash.overlay.cpio.gz") == true)
        try writeBootFile("flash.overlay.cpio.gz", in: boot)
        let text = try await contents(of: own) { $0?.contains("there is no") != true }
        #expect(text?.contains("/common/flash.overlay.cpio.gz' ") == true)
        #expect(text?.contains(" 'BOOTIF=01-\(mac)' ") == true)
        #expect(try String(contentsOfFile: grub + "/grub.cfg", encoding: .utf8) == usual)
        mock.state.removeNode("n1")
        #expect(try await contents(of: own) { $0 == nil } == nil)
      }
    }
  }

  @Test func `GRUB's directory needs an address, and a place where it can be`() async throws {
    for (directory, address, words) in [
      ("/dev/null/grub", "10.0.2.2", "cannot write GRUB's profiles: "),
      ("/tmp", nil, "the address that nodes reach it by"),
    ] as [(String, String?, String)] {
      var configuration = MockConfiguration()
      (configuration.grubDirectory, configuration.advertisedServer) = (directory, address)
      let error = await #expect(throws: MockMonorail.StartError.self) { try await MockMonorail.start(configuration) }
      #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
  }

  /// The text of a file, `nil` when there is none, as soon as the condition holds for it.
  private func contents(of path: String, _ condition: (String?) -> Bool) async throws -> String? {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      let text = try? String(contentsOfFile: path, encoding: .utf8)
      if condition(text) { return text }
      try #require(ContinuousClock.now < deadline, "\(path) has \(text ?? "not come")")
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}
