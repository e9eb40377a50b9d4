/// An overlay that is published, and how to tell a node and a workflow of it.
public struct Publication: Sendable {
  public let path: String
  public let name: String
  /// The directory, below the web server's root.
  public let directory: OverlayPath
  /// Bytes.
  public let size: Int
  /// SHA-256 in hexadecimal.
  public let digest: String
  /// The archive that was published under the name before, which may have been the same.
  public let replaced: (size: Int, digest: String)?

  /// Whether the same archive was there already.
  public var isUnchanged: Bool { replaced?.digest == digest }

  /// The path of the URL.
  public var urlPath: String { directory.isRoot ? "/\(name)" : "/\(directory)/\(name)" }

  /// What goes to the kernel's command line, name and value.
  ///
  /// - Parameter server: the one that serves it.
  public func parameters(server: WebServerAddress) -> [(name: String, value: String)] {
    [("OVERLAYFS", server.url + urlPath), ("OVERLAYFS_SHA256", digest)]
  }

  /// The option of RackHD's bootstrap task that chooses the overlay, name and value.
  ///
  /// The task makes a URL of `overlayfsFile` that has `/common/` in it; for another directory, this is the whole URL
  /// (on-tasks, lib/task-data/tasks/bootstrap-ubuntu.js).
  public var bootstrapOption: (name: String, value: String) {
    directory.bytes == Array("common".utf8)
      ? ("overlayfsFile", name) : ("overlayfsUri", "{{ file.server }}\(urlPath)")
  }
}
