import Glibc
import SystemFiles

/// The squashfs image that overlays are laid over: what is in it, read with `unsquashfs`, which needs no root.
public final class BaseImage: Sendable {
  public let path: String
  /// The entries of the image, by path. Each name of a file with several names is a file of its own here.
  let nodes: [OverlayPath: MergedTree.Node]

  /// Lists the image.
  ///
  /// - Throws: when there is no such file, it is no squashfs image, or unsquashfs is missing.
  public init(_ path: String) throws(OverlayError) {
    self.path = path
    try Self.checkFormat(path)
    let mark = "base-\(UInt64.random(in: .min ... .max))"
    var listing = SquashfsListing(mark: mark)
    nodes = try Self.explaining(path) { () throws(OverlayError) in
      try ToolOutput.read(
        ["unsquashfs", "-lln", "-d", mark, Self.argument(path)].map { Array($0.utf8) }, install: "squashfs-tools"
      ) { bytes throws(OverlayError) in try listing.add(bytes) }
      return try listing.finish()
    }
    guard nodes[.root] != nil else {
      throw OverlayError("unsquashfs lists nothing of \(path): is it a squashfs image?")
    }
  }

  /// Refuses what cannot be an image before a program opens it: opening a FIFO would wait without end.
  public static func checkFormat(_ path: String) throws(OverlayError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .system("open \(path)") }
    let remedy = "--base takes a squashfs image, as scripts/build-base-image makes it"
    switch status.st_mode & S_IFMT {
    case S_IFREG, S_IFBLK: break
    case S_IFDIR: throw OverlayError("the base \(path) is a directory: \(remedy)")
    default: throw OverlayError("the base \(path) is neither a file nor a block device: \(remedy)")
    }
    guard let format = try FileFormat(ofFileAt: path), format.kind != .squashfs || format.compression != .none else {
      return
    }
    throw OverlayError("the base \(path) is no squashfs image: it is \(format.words); \(remedy)")
  }

  /// The contents of a regular file.
  ///
  /// - Parameter limit: bytes; what is behind them is left out.
  public func contents(of file: OverlayPath, limit: Int = 1 << 20) throws(OverlayError) -> [UInt8] {
    var contents: [UInt8] = []
    try Self.explaining(path) { () throws(OverlayError) in
      try ToolOutput.read(
        ["unsquashfs", "-no-wildcards", "-cat", Self.argument(path)].map { Array($0.utf8) } + [
          Array("/".utf8) + file.bytes
        ],
        install: "squashfs-tools"
      ) { bytes throws(OverlayError) in contents += bytes.prefix(limit - contents.count) }
    }
    return contents
  }

  /// Owner and mode of the root directory.
  public var rootAttributes: (owner: UInt32, group: UInt32, permissions: UInt32)? {
    nodes[.root].map { ($0.owner, $0.group, $0.permissions) }
  }

  /// The releases of the kernels that the image has modules for.
  public var kernels: Set<String> {
    Set(
      nodes.values.compactMap { node in
        guard node.kind == .directory, let place = ModulePlace(node.path), place.directory == node.path else {
          return nil
        }
        return place.release
      })
  }

  /// A name that unsquashfs does not take for an option.
  private static func argument(_ path: String) -> String { path.hasPrefix("-") ? "./" + path : path }

  private static func explaining<Value>(
    _ path: String, _ body: () throws(OverlayError) -> Value
  ) throws(OverlayError) -> Value {
    do throws(OverlayError) { return try body() } catch {
      throw OverlayError("cannot read the base image \(path): \(error.description)")
    }
  }
}
