import Glibc
import SystemFiles

/// The squashfs image that overlays are laid over: what is in it, read with `unsquashfs`, which needs no root.
public final class BaseImage: Sendable {
  public let path: String
  /// What it holds, by name; hard links are several files here.
  let nodes: [OverlayPath: MergedTree.Node]

  /// Lists the image.
  ///
  /// - Throws: when there is no such file, it is no squashfs image, or unsquashfs is missing.
  public init(_ path: String) throws(OverlayError) {
    self.path = path
    do throws(SystemError) { _ = try File(path, O_RDONLY) } catch { throw OverlayError(error) }
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

  /// The contents of a regular file.
  ///
  /// - Parameter limit: bytes; what is behind them is left out.
  func contents(of file: OverlayPath, limit: Int = 1 << 20) throws(OverlayError) -> [UInt8] {
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

  /// The releases of the kernels that it has modules for.
  var kernels: Set<String> {
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
