import Foundation
import MonorailStore
import TestSupport
import Testing

@testable import MonorailServer

@Suite struct UploadTests {
  @Test func `an upload that cannot be noted leaves the file and its digest as they were`() async throws {
    var store = StoreConfiguration()
    store.busySeconds = 0.05
    let lab = try Lab(store)
    let server = try await lab.server()
    func put(_ text: String) throws -> String {
      try lab.directory.write(text, to: "upload")
      return try ChildProcess.run([
        "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-T", lab.directory("upload"),
        server.baseURL + "/api/2.0/files/bios",
      ]).output
    }
    func kept() throws -> [String?] {
      let names = try FileManager.default.contentsOfDirectory(atPath: server.filesDirectory)
      let text = FileManager.default.contents(atPath: server.filesDirectory + "/bios").map {
        String(decoding: $0, as: UTF8.self)
      }
      return [names.joined(separator: " "), text, try lab.state.store.file("bios").map { "\($0.size) \($0.version)" }]
    }
    #expect(try put("first") == "201")
    #expect(try kept() == ["bios", "first", "5 0"])
    let lock = try await DatabaseLock(lab)
    #expect(try put("the second one") == "500")
    #expect(try kept() == ["bios", "first", "5 0"])
    try await lock.open()
    #expect(try put("third!") == "201")
    #expect(try kept() == ["bios", "third!", "6 1"])
    await server.stop()
  }
}
