/// The package manager's files that several of the overlays to be merged have, combined.
struct PackageDatabase {
  /// The contents of the files that were combined.
  private(set) var contents: [OverlayPath: [UInt8]] = [:]

  private let layers: [ArchiveIndex]
  private let limits: ArchiveLimits
  private let base: BaseImage?

  /// Bytes of such a file that are read; Debian's whole archive described in one takes 60 MB.
  private static let longest = 256 << 20

  /// - Parameters:
  ///   - layers: the lowest first.
  ///   - stack: what they are together.
  ///   - base: the image that all of them were made for. Without it, what a package has removed is told by its whiteouts.
  init(
    _ layers: [ArchiveIndex], _ stack: LayerStack, base: BaseImage?, _ limits: ArchiveLimits
  ) throws(OverlayError) {
    (self.layers, self.base, self.limits) = (layers, base, limits)
    for conflict in stack.conflicts where contents[conflict.path] == nil {
      guard let format = RecordFile.format(of: conflict.path) else { continue }
      let places = Self.layersWithFile(conflict.path, layers)
      guard places.count > 1 else { continue }
      contents[conflict.path] = try combine(conflict.path, format, places, stack)
    }
  }

  /// The layers whose file of that name is seen, or would be without those above it; the lowest first.
  static func layersWithFile(_ path: OverlayPath, _ layers: [ArchiveIndex]) -> [Int] {
    var found: [Int] = []
    for (number, layer) in layers.enumerated() {
      guard let entry = layer[path] else { continue }
      if case .file = entry.kind { found.append(number) } else { found = [] }
    }
    return found
  }

  private func combine(
    _ path: OverlayPath, _ format: RecordFile.Format, _ places: [Int], _ stack: LayerStack
  ) throws(OverlayError) -> [UInt8] {
    var files: [RecordFile] = []
    for place in places { files.append(RecordFile(try contents(of: path, in: layers[place]), format)) }
    if let base {
      let isThere = base.nodes[path]?.kind == .file
      let root = RecordFile(isThere ? try base.contents(of: path, limit: Self.longest) : [], format)
      return RecordFile.combined(files, since: root).bytes
    }
    let isStatus = path.bytes.elementsEqual(RecordFile.status.utf8)
    var result = RecordFile.combined(files) { number, key in
      guard isStatus, let list = Self.list(of: key) else { return false }
      return layers[places[number]][list] != nil
    }
    if isStatus { result.remove { key in Self.list(of: key).map { stack.hasWhiteout(at: $0) } ?? false } }
    return result.bytes
  }

  /// The file in which dpkg lists the files of a package. dpkg writes it anew when it installs the package, and removes it with
  /// the package.
  private static func list(of key: [UInt8]) -> OverlayPath? {
    try? OverlayPath(archiveName: Array("var/lib/dpkg/info/".utf8) + key + Array(".list".utf8))
  }

  private func contents(of path: OverlayPath, in layer: ArchiveIndex) throws(OverlayError) -> [UInt8] {
    try layer.contents(of: [path], limit: Self.longest, limits: limits)[path] ?? []
  }
}
