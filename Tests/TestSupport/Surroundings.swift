import Foundation

/// The repository that these tests belong to.
public enum Repository {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  public static func path(_ name: String) -> String { "\(root)/\(name)" }
}

/// The programs that were built together with these tests.
public enum BuiltPrograms {
  public static let directory: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(filePath: tests).deletingLastPathComponent().path
  }()

  public static func path(_ name: String) -> String { "\(directory)/\(name)" }
}

/// What the kernel lets these tests do.
public enum Namespaces {
  /// Whether a program can have a network and mounts of its own.
  public static let areAvailable =
    (try? ChildProcess.run(["unshare", "--net", "--mount", "ip", "link"]).end) == .exited(0)

  /// Whether a disk image can be mounted.
  public static let canMountImages = geteuid() == 0 && FileManager.default.fileExists(atPath: "/dev/loop-control")
}
