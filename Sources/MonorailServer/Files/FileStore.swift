import Digests
import Foundation
import Hummingbird
import MonorailStore
import NIOCore
import NIOPosix

/// A directory of files that clients read and write by name.
struct FileStore: Sendable {
  let directory: String
  let maximumBytes: Int

  /// Whether a name that came over the network may name a file: one path component, not hidden, without control characters.
  static func isValid(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 255 && !name.hasPrefix(".")
      && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 < 0x20 || $0 == 0x7F }
  }

  /// - Throws: `APIError` 400 for a name that is not valid.
  func path(_ name: String) throws -> String {
    guard Self.isValid(name) else {
      throw APIError(.badRequest, "a file name is one path component that does not begin with a dot")
    }
    return directory + "/" + name
  }

  /// - Throws: `APIError` 404.
  func existingPath(_ name: String) throws -> String {
    let path = try path(name)
    var status = stat()
    // A link could lead anywhere, and who opens a pipe waits for a writer.
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw APIError(.notFound, "there is no file \(name) in \(directory)")
    }
    return path
  }

  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).filter { (try? existingPath($0)) != nil }.sorted()
  }

  func text(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: existingPath(name))), as: UTF8.self)
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: existingPath(name)) }

  /// A file that is complete, under a temporary name, with its digests in hexadecimal.
  struct Upload: Sendable {
    let temporary: String
    let path: String
    /// In bytes.
    let size: Int
    let md5: String
    let sha256: String

    /// Gives the file its name. Doing it again changes nothing.
    func place() throws {
      if rename(temporary, path) == 0 { return }
      let error = errno
      var status = stat()
      if error == ENOENT, lstat(path, &status) == 0, Int(status.st_size) == size { return }
      throw APIError(.internalServerError, "cannot write \(path): \(String(cString: strerror(error)))")
    }
  }

  private static let temporaryPrefix = ".upload-"

  /// Removes what uploads left that ended with their server. Another server may take uploads in the same directory; the
  /// lock on a temporary file says that it still does.
  func removeAbandonedUploads() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    for name in names where name.hasPrefix(Self.temporaryPrefix) {
      let descriptor = open(directory + "/" + name, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(directory + "/" + name) }
      close(descriptor)
    }
  }

  /// Has the disk take a file's bytes, or a directory's names, before the answer says that they are kept.
  private func synchronize(_ descriptor: Int32) async throws {
    let failure = try await NIOThreadPool.singleton.runIfActive { fsync(descriptor) == 0 ? nil : errno }
    if let failure { throw NSError(domain: NSPOSIXErrorDomain, code: Int(failure)) }
  }

  private func synchronizeDirectory() async throws {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw NSError(domain: NSPOSIXErrorDomain, code: Int(errno)) }
    defer { close(descriptor) }
    try await synchronize(descriptor)
  }

  /// Writes a request's body, however long it is, under a temporary name first: a file is there as a whole or not. When
  /// this returns, it is on the disk.
  ///
  /// - Parameter keep: calls `Upload.place`; what it returns is returned.
  func save<Kept>(
    _ name: String, _ request: Request, keep: (Upload) async throws -> Kept
  ) async throws -> Kept {
    let path = try path(name)
    let tooLong = APIError(.contentTooLarge, "the file is longer than \(maximumBytes) bytes")
    let declared = request.headers[.contentLength].flatMap { Int($0) }
    if let declared, declared > maximumBytes { throw tooLong }
    return try await withTemporaryFile(for: name) { temporary, file in
      var count = 0
      var md5 = Digest(.md5)
      var sha256 = Digest(.sha256)
      for try await buffer in request.body {
        count += buffer.readableBytes
        if count > maximumBytes { throw tooLong }
        buffer.withUnsafeReadableBytes {
          md5.update($0)
          sha256.update($0)
        }
        try file.write(contentsOf: buffer.readableBytesView)
      }
      if let declared, count != declared { throw APIError(.badRequest, "the body ended after \(count) bytes") }
      try await synchronize(file.fileDescriptor)
      return try await keep(
        Upload(temporary: temporary, path: path, size: count, md5: md5.finish(), sha256: sha256.finish()))
    }
  }

  /// The same with what a program writes.
  ///
  /// - Parameter fill: writes the file of that path, which is empty.
  func save(
    _ name: String, filledBy fill: (String) async throws -> Void, keep: (Upload) async throws -> Void
  ) async throws {
    let path = try path(name)
    try await withTemporaryFile(for: name) { temporary, file in
      try await fill(temporary)
      let upload = try await NIOThreadPool.singleton.runIfActive {
        let digests = try Self.digests(of: file)
        return Upload(
          temporary: temporary, path: path, size: Int(try file.offset()), md5: digests.md5, sha256: digests.sha256)
      }
      try await synchronize(file.fileDescriptor)
      try await keep(upload)
    }
  }

  /// Makes an empty file that goes away unless `body` gives it another name, and has the disk take that name.
  private func withTemporaryFile<Kept>(
    for name: String, _ body: (_ path: String, FileHandle) async throws -> Kept
  ) async throws -> Kept {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let temporary = directory + "/\(Self.temporaryPrefix)" + UUID().uuidString
    guard FileManager.default.createFile(atPath: temporary, contents: nil),
      let file = FileHandle(forUpdatingAtPath: temporary)
    else { throw APIError(.internalServerError, "cannot write in \(directory)") }
    do {
      defer { try? file.close() }
      _ = flock(file.fileDescriptor, LOCK_EX | LOCK_NB)
      let kept = try await body(temporary, file)
      try await synchronizeDirectory()
      return kept
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      if (error as NSError).isFullDisk {
        throw APIError(
          StoreError(.diskFull, "the disk of \(directory) is full; \(name) was not stored, so make room and try again"))
      }
      throw error
    }
  }

  /// The MD5 of a file in hexadecimal, read in pieces.
  func md5(_ name: String) throws -> String {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: existingPath(name)))
    defer { try? file.close() }
    return try Self.digests(of: file).md5
  }

  private static func digests(of file: FileHandle) throws -> (md5: String, sha256: String) {
    var md5 = Digest(.md5)
    var sha256 = Digest(.sha256)
    while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty {
      piece.withUnsafeBytes {
        md5.update($0)
        sha256.update($0)
      }
    }
    return (md5.finish(), sha256.finish())
  }
}

extension NSError {
  /// Foundation gives the system's error, or one of its own that has the system's below it.
  fileprivate var isFullDisk: Bool {
    if domain == NSPOSIXErrorDomain { return code == Int(ENOSPC) || code == Int(EDQUOT) }
    if domain == NSCocoaErrorDomain, code == CocoaError.fileWriteOutOfSpace.rawValue { return true }
    return (userInfo[NSUnderlyingErrorKey] as? NSError)?.isFullDisk ?? false
  }
}
