import Digests
import Foundation
import JSONDocument
import MockMonorail
import TestSupport
import Testing

@Suite struct FileTests {
  @Test func uploadFetchListDigestDelete() async throws {
    try await withMock { mock in
      let body = String(repeating: "firmware ", count: 100_000)
      let file = "/api/current/files/bios-1.2.bin"
      #expect(try await mock.request("PUT", file, body: body).status == 201)
      #expect(try await mock.request("GET", "/api/common/files/bios-1.2.bin").text == body)
      let listed = try JSON(parsing: try await mock.request("GET", "/api/current/files").body)
      #expect(listed.arrayValue?.map { $0["filename"] } == ["bios-1.2.bin"])
      #expect(listed[0]?["basename"] == "bios-1.2.bin" && listed[0]?["version"] == 0)
      var digest = Digest(.md5)
      Array(body.utf8).withUnsafeBytes { digest.update($0) }
      let md5 = digest.finish()
      #expect(listed[0]?["md5"] == .string(md5))
      let byUUID = "/api/current/files/" + (try #require(listed[0]?["uuid"]?.stringValue))
      #expect(try await mock.request("GET", byUUID).text == body)
      for name in [file, byUUID] {
        #expect(try await mock.request("GET", name + "/md5").text == "\"\(md5)\"")
        #expect(try await mock.request("GET", name + "/metadata").text.contains(md5))
      }
      let head = try await mock.request("HEAD", file)
      #expect(head.status == 200)
      #expect(head.headers["content-length"] == String(body.utf8.count))
      #expect(try await mock.request("DELETE", file).status == 204)
      for target in [file, file + "/md5"] { #expect(try await mock.request("GET", target).status == 404) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: mock.filesDirectory).isEmpty)
    }
  }

  @Test func aPipeInTheDirectoryIsNoFile() async throws {
    try await withMock { mock in
      let made = mkfifo(mock.filesDirectory + "/pipe", 0o600)
      #expect(made == 0)
      let list = try await mock.request("GET", "/api/current/files")
      #expect(list.text == "[]\n")
      for path in ["pipe", "pipe/md5"] {
        let answer = try await mock.request("GET", "/api/current/files/\(path)")
        #expect(answer.status == 404)
      }
    }
  }

  @Test func theDigestIsThatOfTheLastOfManyUploads() async throws {
    try await withMock { mock in
      for _ in 0..<5 {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<8 {
            group.addTask {
              let body = String(repeating: "\(number)", count: 10_000 + number)
              let answer = try await mock.request("PUT", "/api/current/files/race", body: body)
              #expect(answer.status == 201)
            }
          }
          try await group.waitForAll()
        }
        let body = try await mock.request("GET", "/api/current/files/race").body
        let about = try JSON(parsing: try await mock.request("GET", "/api/current/files/race/metadata").body)
        var digest = Digest(.sha256)
        Array(body).withUnsafeBytes { digest.update($0) }
        let sha256 = digest.finish()
        #expect(about["sha256"] == .string(sha256) && about["size"] == .integer(body.count))
      }
    }
  }

  @Test func aFileThatATaskDownloadsIsKnownByItsDigest() async throws {
    try await withMock { mock in
      let files = mock.baseURL + "/api/2.0/files/"
      let source = try JSON(parsing: try await mock.request("PUT", "/api/2.0/files/x", body: "firmware").body)
      let graph = """
        {"injectableName": "Graph.download", "friendlyName": "Download", "tasks": [{"label": "d", "taskDefinition": {
          "injectableName": "Task.d", "friendlyName": "d", "implementsTask": "Task.Base.Download.File",
          "options": {"uri": "\(files)x", "file": "y"}, "properties": {}}}]}
        """
      #expect(try await mock.request("PUT", "/api/2.0/workflows/graphs", body: graph).status == 201)
      #expect(try await mock.request("POST", "/api/2.0/workflows", body: #"{"name": "Graph.download"}"#).status == 201)
      let copy = try await eventually("the download") { try mock.state.server.store.file("y") }
      #expect(.string(copy.sha256) == source["sha256"] && copy.size == 8)
      #expect(try await mock.request("GET", "/api/2.0/files/y").text == "firmware")
    }
  }

  @Test func anEmptyFile() async throws {
    try await withMock { mock in
      #expect(try await mock.request("PUT", "/api/current/files/empty", body: "").status == 201)
      let answer = try await mock.request("GET", "/api/current/files/empty")
      #expect(answer.status == 200)
      #expect(answer.headers["content-length"] == "0")
      #expect(
        try await mock.request("GET", "/api/current/files/empty/md5").text == "\"d41d8cd98f00b204e9800998ecf8427e\"")
    }
  }

  @Test(arguments: [
    "%2e%2e%2fetc", "..%2Fx", "%2e%2e", ".hidden", "a%00b", "a%2fb", "a%0ab", String(repeating: "a", count: 256),
  ])
  func badNames(name: String) async throws {
    try await withMock { mock in
      for method in ["PUT", "GET", "DELETE"] {
        let answer = try await mock.request(method, "/api/current/files/\(name)", body: method == "PUT" ? "x" : nil)
        #expect(answer.status == 400)
      }
      let template = try await mock.request("PUT", "/api/current/templates/library/\(name)", body: "x")
      #expect(template.status == 400)
    }
  }

  @Test func anUploadThatIsTooLongLeavesNothing() async throws {
    try await withMock({ $0.maximumUploadBytes = 10 }) { mock in
      let tooLong = try await mock.request("PUT", "/api/current/files/x", body: "12345678901")
      #expect(tooLong.status == 413)
      #expect(try FileManager.default.contentsOfDirectory(atPath: mock.filesDirectory).isEmpty)
      let longest = try await mock.request("PUT", "/api/current/files/x", body: "1234567890")
      #expect(longest.status == 201)
    }
  }

  @Test func `what uploads left that ended with their server goes, and what is being uploaded stays`() async throws {
    try await withDirectory { directory in
      let (old, new) = (directory + "/.upload-old", directory + "/.upload-new")
      for path in [old, new] { try "half".write(toFile: path, atomically: true, encoding: .utf8) }
      let uploading = try #require(FileHandle(forReadingAtPath: new))
      #expect(flock(uploading.fileDescriptor, LOCK_EX | LOCK_NB) == 0)
      try await withMock({ $0.filesDirectory = directory }) { _ in
        let left = try FileManager.default.contentsOfDirectory(atPath: directory)
        #expect(left == [".upload-new"])
      }
      try uploading.close()
    }
  }

  @Test func aClientWhoWaitsForContinueIsToldToGoOn() async throws {
    try await withMock { mock in
      let client = try Client(port: mock.port)
      client.send(
        Array("PUT /api/current/files/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n".utf8))
      #expect(await client.nextInformation() == 100)
      client.send(Array("ok".utf8))
      #expect(await client.nextAnswer()?.status == 201)
    }
  }

  @Test func anUploadThatBreaksOffLeavesNothing() async throws {
    try await withMock { mock in
      let client = try Client(port: mock.port)
      client.send(Array("PUT /api/current/files/x HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nhalf".utf8))
      try await mock.waitForRequests { $0.method == "PUT" }
      client.finishSending()
      try await mock.waitForRequests { $0.finished != nil }
      #expect(try FileManager.default.contentsOfDirectory(atPath: mock.filesDirectory).isEmpty)
    }
  }

  // RFC 9110, section 14
  @Test(
    arguments: [
      ("bytes=0-3", 206, "0123", "bytes 0-3/10"), ("bytes=4-", 206, "456789", "bytes 4-9/10"),
      ("bytes=-3", 206, "789", "bytes 7-9/10"), ("bytes=8-100", 206, "89", "bytes 8-9/10"),
      ("bytes=-100", 206, "0123456789", "bytes 0-9/10"), ("bytes=9-9", 206, "9", "bytes 9-9/10"),
      ("bytes=10-", 416, "", "bytes */10"), ("bytes=10-12", 416, "", "bytes */10"), ("bytes=-0", 416, "", "bytes */10"),
      ("bytes=3-1", 200, "0123456789", nil), ("bytes=a-b", 200, "0123456789", nil),
      ("lines=1-2", 200, "0123456789", nil), ("bytes=0-1,3-4", 200, "0123456789", nil),
      ("bytes=-", 200, "0123456789", nil), ("bytes=+1-2", 200, "0123456789", nil),
      ("bytes=0-99999999999999999999", 206, "0123456789", "bytes 0-9/10"),
    ] as [(String, Int, String, String?)])
  func ranges(range: String, status: Int, body: String, contentRange: String?) async throws {
    try await withDirectory { directory in
      try "0123456789".write(toFile: directory + "/image", atomically: true, encoding: .utf8)
      try await withMock({ $0.staticDirectory = directory }) { mock in
        let answer = try await mock.request("GET", "/image", headers: ["Range": range])
        #expect(answer.status == status)
        #expect(answer.text == body)
        #expect(answer.headers["content-range"] == contentRange)
        #expect(answer.isComplete)
      }
    }
  }

  @Test func validators() async throws {
    try await withDirectory { directory in
      try "0123456789".write(toFile: directory + "/image", atomically: true, encoding: .utf8)
      try await withMock({ $0.staticDirectory = directory }) { mock in
        let first = try await mock.request("GET", "/image")
        let tag = try #require(first.headers["etag"])
        let date = try #require(first.headers["last-modified"])
        #expect(first.headers["accept-ranges"] == "bytes")
        for (headers, status) in [
          (["If-None-Match": tag], 304), (["If-None-Match": "\"other\", \(tag)"], 304),
          (["If-Modified-Since": date], 304),
          (["If-None-Match": "\"other\"", "If-Modified-Since": date], 200),
          (["Range": "bytes=5-", "If-Range": tag], 206), (["Range": "bytes=5-", "If-Range": date], 206),
          (["Range": "bytes=5-", "If-Range": "\"other\""], 200),
          (["Range": "bytes=5-", "If-Range": "Thu, 01 Jan 1970 00:00:00 GMT"], 200),
        ] {
          #expect(try await mock.request("GET", "/image", headers: headers).status == status, "\(headers)")
        }
        try "abcdefghij".write(toFile: directory + "/image", atomically: true, encoding: .utf8)
        let resumed = try await mock.request("GET", "/image", headers: ["Range": "bytes=5-", "If-Range": tag])
        #expect(resumed.text == "abcdefghij")
      }
    }
  }

  @Test(arguments: [
    "/../secret", "/%2e%2e/secret", "/dir/../../secret", "/dir/%2e%2e%2f%2e%2e%2fsecret", "/link", "/linked/secret",
    "/a%00b",
    "//../secret", "/dir", "/%",
  ])
  func nothingOutsideTheRootIsServed(target: String) async throws {
    try await withDirectory { directory in
      let root = directory + "/root"
      let files = FileManager.default
      try files.createDirectory(atPath: root + "/dir", withIntermediateDirectories: true)
      try "secret".write(toFile: directory + "/secret", atomically: true, encoding: .utf8)
      try files.createSymbolicLink(atPath: root + "/link", withDestinationPath: directory + "/secret")
      try files.createSymbolicLink(atPath: root + "/linked", withDestinationPath: directory)
      try await withMock({ $0.staticDirectory = root }) { mock in
        let answer = try await mock.request("GET", target)
        #expect(answer.status == 404)
        #expect(!answer.text.contains("secret\n") && answer.text != "secret")
      }
    }
  }

  @Test func staticFiles() async throws {
    try await withDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory + "/common", withIntermediateDirectories: true)
      let image = String(repeating: "0123456789abcdef", count: 100_000)
      try image.write(toFile: directory + "/common/base.squashfs.img", atomically: true, encoding: .utf8)
      try FileManager.default.createSymbolicLink(
        atPath: directory + "/latest.img", withDestinationPath: "common/base.squashfs.img")
      try "<p>mine".write(toFile: directory + "/index.html", atomically: true, encoding: .utf8)
      try await withMock({ $0.staticDirectory = directory }) { mock in
        for target in ["/common/base.squashfs.img", "/latest.img", "/common%2Fbase.squashfs.img"] {
          #expect(try await mock.request("GET", target).text == image)
        }
        let head = try await mock.request("HEAD", "/latest.img")
        #expect(head.headers["content-length"] == String(image.utf8.count))
        #expect(head.body.isEmpty)
        #expect(try await mock.request("GET", "/").text == "<p>mine")
        #expect(try await mock.request("GET", "/none").status == 404)
        #expect(try await mock.request("POST", "/latest.img", body: "x").status == 404)
      }
    }
  }
}
