/// Looks for what would keep an overlay from working on a node.
///
///     let findings = try Verifier(archive: "x.overlay.cpio.gz", base: BaseImage("base.squashfs.img")).findings()
public struct Verifier {
  /// The path of the archive. Its last component is checked against the conventions.
  public var archive: String
  /// What it will be laid over; without one, whatever is not in the overlay is taken to be there.
  public var base: BaseImage?
  /// What the nodes are.
  public var architecture: MachineArchitecture
  public var limits: ArchiveLimits
  /// Called with the bytes of the archive that were read, and how many there are.
  public var progress: (Int, Int) -> Void = { _, _ in }

  public init(
    archive: String, base: BaseImage? = nil, architecture: MachineArchitecture = .current,
    limits: ArchiveLimits = ArchiveLimits()
  ) {
    (self.archive, self.base, self.architecture, self.limits) = (archive, base, architecture, limits)
  }

  /// Reads the archive once, and then the base's configuration of its loader.
  ///
  /// - Returns: sorted, errors first.
  /// - Throws: when the archive cannot be read to its end.
  public func findings() throws(OverlayError) -> [Finding] {
    let inspection = try ArchiveInspection(archive, limits: limits, progress: progress)
    let overlay = InspectedOverlay(inspection, base: base, architecture)
    let configuration = try LoaderConfiguration(overlay.tree) { (node) throws(OverlayError) in
      switch node.layer {
      case .overlay: inspection.loaderTexts[node.path] ?? []
      case .base: try base?.contents(of: node.path) ?? []
      }
    }
    let fileName = archive.split(separator: "/").last.map(String.init) ?? archive
    let name = OverlayName(fileName)
    var findings = nameFindings(fileName, name, inspection)
    findings += inspection.duplicates.map { path in
      Finding(.warning, path, "is in the archive more than once; the last one counts")
    }
    findings += try RequiredFilesCheck(overlay: overlay).findings()
    findings += ProgramCheck(overlay: overlay).findings()
    findings += LibraryCheck(overlay: overlay, configured: configuration.directories).findings()
    findings += LayoutCheck(overlay: overlay).findings()
    findings += try KernelCheck(overlay: overlay, name: name, kernels: base?.kernels).findings()
    return findings.sorted()
  }

  private func nameFindings(_ fileName: String, _ name: OverlayName, _ inspection: ArchiveInspection) -> [Finding] {
    var findings: [Finding] = []
    if !OverlayName.fitsCommandLine(fileName) {
      findings.append(
        Finding(
          .error, nil,
          "the name \"\(OverlayPath.printable(Array(fileName.utf8)))\" cannot stand in a URL on a kernel's command line:"
            + " use letters, digits, and . _ - + ~ @"))
    } else if !name.followsConvention {
      findings.append(Finding(.warning, nil, "the name \(fileName) follows neither \(OverlayName.patterns)"))
    }
    if let named = name.compression, named != inspection.compression {
      func words(_ format: CompressionFormat) -> String {
        format == .none ? "not compressed" : "compressed with \(format.rawValue)"
      }
      findings.append(
        Finding(
          .error, nil,
          "the name \(OverlayPath.printable(Array(fileName.utf8))) says that it is \(words(named)), but it is \(words(inspection.compression))"
        ))
    }
    return findings
  }
}
