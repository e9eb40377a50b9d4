/// The names in the directories of a base image.
struct BaseNames {
  private var names: [OverlayPath: [ArraySlice<UInt8>]] = [:]

  init(_ paths: some Sequence<OverlayPath>) {
    for path in paths { if let parent = path.parent { names[parent, default: []].append(path.name) } }
  }

  /// None where the base has no directory.
  func names(in directory: OverlayPath) -> [ArraySlice<UInt8>] { names[directory] ?? [] }
}
