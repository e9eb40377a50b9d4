import CWorkspace
import Glibc
import Overlay

/// The mount namespace that a workspace's mounts are made in: they go with the last process that is in it, however that ends.
public enum PrivateNamespace {
  /// Gives this program a mount namespace of its own.
  ///
  /// Call it before other threads are started: they would stay outside.
  public static func enter() throws(OverlayError) {
    guard geteuid() == 0 else {
      throw OverlayError("shell mounts the base image and the overlay, which only root may do: run it with sudo")
    }
    guard monorail_unshare_mounts() == 0 else {
      throw .system("get a mount namespace of its own (in a container it needs CAP_SYS_ADMIN)")
    }
    try check("keep its mounts from the rest of the machine") {
      mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil)
    }
  }
}

/// A directory of this machine that the workspace's own file systems are laid over, in the private namespace only.
enum MountPoint {
  /// In this order.
  static let candidates = ["/mnt", "/media", "/srv", "/opt", "/home", "/boot", "/tmp"]

  /// The first of the candidates that holds nothing that is needed.
  ///
  /// - Parameters:
  ///   - needed: absolute paths without symlinks.
  ///   - isDirectory: whether a candidate is there.
  static func choose(needed: [String], isDirectory: (String) -> Bool) throws(OverlayError) -> String {
    let chosen = candidates.first { candidate in
      isDirectory(candidate) && !needed.contains { $0 == candidate || $0.hasPrefix(candidate + "/") }
    }
    guard let chosen else {
      throw OverlayError(
        "there is no place for the workspace's mounts: one of \(candidates.joined(separator: ", ")) must be a directory"
          + " that holds none of the files that it works with")
    }
    return chosen
  }
}
