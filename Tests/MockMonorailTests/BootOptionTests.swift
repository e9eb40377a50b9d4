import Foundation
import JSONDocument
import MockMonorail
import Testing

private let mac = "52:54:00:12:34:56"
private let base = "http://mock.example:9080"
private let usual = ["vmlinuz-6.1", "initrd.img-6.1", "base.bookworm.6.1.squashfs.img", "discovery.overlay.cpio.gz"]

/// What a graph's task says that its node boots.
@Suite struct BootOptionTests {
  /// Starts a graph whose task boots the node n1 with those options.
  private func boot(_ mock: MockMonorail, _ options: String, host: String = "mock.example:9080") async throws {
    mock.addNode(mac: mac, id: "n1")
    let graph = """
      {"friendlyName": "Boot", "injectableName": "Graph.boot", "options": {"boot": \(options)},
       "tasks": [{"label": "boot", "taskName": "Task.Linux.Bootstrap.Ubuntu"}]}
      """
    let put = try await mock.request("PUT", "/api/current/workflows/graphs", body: graph)
    try #require(put.status == 201, "\(put.text)")
    let started = try await mock.request(
      "POST", "/api/current/nodes/n1/workflows", headers: ["Host": host], body: #"{"name": "Graph.boot"}"#)
    try #require(started.status == 201, "\(started.text)")
  }

  private func profile(_ mock: MockMonorail) async throws -> String {
    try await mock.request("GET", "/api/current/profiles?macs=\(mac)").text
  }

  @Test(
    arguments: [
      (
        #"{"overlayfsUri": "{{file.server}}/common/flash.overlay.cpio.gz"}"#, "OVERLAYFS",
        "\(base)/common/flash.overlay.cpio.gz"
      ),
      (
        #"{"overlayfsUri": "{{file.server}}/common/a.gz,{{ file.server }}/common/flash.overlay.cpio.gz"}"#, "OVERLAYFS",
        "\(base)/common/a.gz,\(base)/common/flash.overlay.cpio.gz"
      ),
      (#"{"overlayfsUri": "\#(base)/common/a.gz"}"#, "OVERLAYFS", "\(base)/common/a.gz"),
      (#"{"overlayfsUri": "https://h/o?x=1&y=2"}"#, "OVERLAYFS", "https://h/o?x=1&y=2"),
      (
        #"{"overlayfsUri": "{{file.server}}/common/a.gz", "overlayfsFile": "none"}"#, "OVERLAYFS", "\(base)/common/a.gz"
      ),
      (#"{"overlayfsFile": "a.gz"}"#, "OVERLAYFS", "\(base)/common/a.gz"),
      (#"{"overlayfsFile": ["a.gz"]}"#, "OVERLAYFS", "\(base)/common/a.gz"),
      (#"{"overlayfsFile": "a.gz,a.gz"}"#, "OVERLAYFS", "\(base)/common/a.gz,\(base)/common/a.gz"),
      ("{}", "OVERLAYFS", "\(base)/common/discovery.overlay.cpio.gz"),
      ("{}", "BASEFS", "\(base)/common/base.bookworm.6.1.squashfs.img"),
      (#"{"basefsUri": "{{file.server}}/common/base.own.img"}"#, "BASEFS", "\(base)/common/base.own.img"),
      (#"{"basefsUri": "https://h/base.img"}"#, "BASEFS", "https://h/base.img"),
    ] as [(String, String, String)])
  func `The URIs of a boot task say what is booted`(options: String, parameter: String, value: String) async throws {
    // Whoever starts the graph reaches the server by another address than the node.
    for host in ["mock.example:9080", "127.0.0.1:1234"] {
      try await withBootDirectory(usual + ["flash.overlay.cpio.gz", "a.gz", "base.own.img"]) { mock, _ in
        try await boot(mock, options, host: host)
        let script = try await profile(mock)
        #expect(try kernelParameters(script)[parameter] == value, "started at \(host)")
        #expect(script.contains("kernel \(base)/common/vmlinuz-6.1 initrd=initrd.img-6.1 "))
      }
    }
  }

  @Test func `When the boot task is over, the node boots what the server was started with`() async throws {
    try await withBootDirectory(usual + ["k"]) { mock, _ in
      try await boot(mock, #"{"kernelFile": "k", "overlayfsUri": "http://h/o"}"#, host: "127.0.0.1:1234")
      #expect(try await profile(mock).contains("/common/k "))
      // The set tells the server that the microkernel is up.
      let set = try await mock.request("GET", "/api/current/tasks/n1")
      #expect(try await mock.request("POST", "/api/current/tasks/n1", body: set.text).status == 201)
      #expect(try mock.state.server.store.runs(of: "n1").map(\.isActive) == [false])
      let script = try await profile(mock)
      #expect(script.contains("kernel \(base)/common/vmlinuz-6.1 "))
      #expect(try kernelParameters(script)["OVERLAYFS"] == "\(base)/common/discovery.overlay.cpio.gz")
    }
  }

  @Test func `The kernel and the initramfs have URIs too`() async throws {
    try await withBootDirectory(usual + ["k"]) { mock, _ in
      try await boot(mock, #"{"kernelUri": "{{file.server}}/common/k", "initrdUri": "http://h/i/initrd?x=/y"}"#)
      let script = try await profile(mock)
      #expect(script.contains("\nkernel \(base)/common/k initrd=initrd API_CB="))
      #expect(script.contains("\ninitrd http://h/i/initrd?x=/y || goto failed\n"))
    }
  }

  @Test(arguments: [
    ("{{file.server}}/common/none.gz", "there is no none.gz in "), ("none.gz", "there is no none.gz in "),
    ("{{file.server}}/common/../x", "there is no ../x (a name of letters"),
    ("http://h/a b", "there is no http://h/a?b (a URL with blanks"),
  ])
  func `A URI that cannot be booted is told on the node's console`(uri: String, sentence: String) async throws {
    try await withBootDirectory { mock, _ in
      try await boot(mock, #"{"overlayfsUri": "\#(uri)"}"#)
      let script = try await profile(mock)
      #expect(script.contains("echo monorail: " + sentence), "\(script)")
    }
  }

  @Test func `Files that a URI names have digests, and other URLs have none`() async throws {
    let digest = String(repeating: "a1", count: 32)
    let files = usual + ["a.gz"]
    try await withBootDirectory(files, change: { $0.boot.withDigests = true }) { mock, directory in
      for name in files { try writeBootFile(name + ".sha256", digest, in: directory) }
      try await boot(
        mock, #"{"basefsUri": "http://h/base", "overlayfsUri": "http://h/x,{{file.server}}/common/a.gz"}"#)
      let found = try kernelParameters(try await profile(mock))
      #expect(found["BASEFS"] == "http://h/base" && found["BASEFS_SHA256"] == nil)
      #expect(found["OVERLAYFS"] == "http://h/x,\(base)/common/a.gz")
      // An overlay whose place is empty is not verified (docs/microkernel.md).
      #expect(found["OVERLAYFS_SHA256"] == ",\(digest)")
    }
    try await withBootDirectory(change: { $0.boot.withDigests = true }) { mock, directory in
      try writeBootFile("base.bookworm.6.1.squashfs.img.sha256", digest, in: directory)
      try await boot(mock, #"{"overlayfsUri": "http://h/x"}"#)
      let found = try kernelParameters(try await profile(mock))
      #expect(found["BASEFS_SHA256"] == digest && found["OVERLAYFS_SHA256"] == nil)
    }
  }
}
