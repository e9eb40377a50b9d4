import Foundation
import HTTPTypes
import Hummingbird

/// Serves the files of a directory, at `/` or under a prefix; other requests go on to the routes.
struct StaticFiles: RouterMiddleware {
  /// The directory, free of links.
  let root: String
  /// What its URLs begin with: empty, or `/common`.
  private let prefix: String

  /// - Throws: `MonorailServer.StartError` when there is no such directory.
  init(_ directory: String, prefix: String = "") throws {
    guard let root = Self.resolved(directory) else {
      throw MonorailServer.StartError("cannot serve files from \(directory): there is no such directory")
    }
    (self.root, self.prefix) = (root, prefix)
  }

  func handle(
    _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    let path = request.uri.path
    guard request.method == .get || request.method == .head, !path.hasPrefix("/api/"), !path.hasPrefix("/mock/"),
      path.hasPrefix(prefix + "/"), let file = file(String(path.dropFirst(prefix.count)))
    else { return try await next(request, context) }
    return try await FileAnswer.response(path: file, request, context)
  }

  /// The real path of the file, when it lies inside the root; a directory stands for its `index.html`.
  func file(_ path: String) -> String? {
    guard let decoded = path.removingPercentEncoding, !decoded.utf8.contains(0),
      !decoded.split(separator: "/").contains("..")
    else { return nil }
    for candidate in [decoded, decoded + "/index.html"] {
      guard let file = Self.resolved(root + "/" + candidate), file.hasPrefix(root + "/") else { continue }
      var info = stat()
      if stat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG { return file }
    }
    return nil
  }

  /// `realpath(3)`: the path without links, so that comparing it with the root tells whether the file lies inside.
  private static func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
