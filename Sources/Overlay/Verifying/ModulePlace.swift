/// What a path in `/lib/modules/<release>` or `/usr/lib/modules/<release>` says.
struct ModulePlace {
  /// The kernel's, as `uname -r` prints it.
  let release: String
  /// The directory that is named after it.
  let directory: OverlayPath

  /// - Returns: `nil` for a path elsewhere.
  init?(_ path: OverlayPath) {
    let components = path.components
    let depth = components.first?.elementsEqual("usr".utf8) == true ? 4 : 3
    let tail = components.dropFirst(depth - 3)
    guard components.count >= depth, let lib = tail.first, lib.elementsEqual("lib".utf8),
      tail.dropFirst().first?.elementsEqual("modules".utf8) == true
    else { return nil }
    release = OverlayPath.printable(components[depth - 1])
    directory = components.prefix(depth).reduce(.root) { $0.appending($1) }
  }

  /// Whether a file is the text in which depmod(8) lists the modules of this directory.
  func isList(_ path: OverlayPath) -> Bool { path == directory.appending(Array("modules.dep".utf8)) }
}
