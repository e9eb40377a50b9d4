/// Looks for what would keep an overlay from working on a node.
///
///     let findings = try Verifier(archive: "x.overlay.cpio.gz", base: BaseImage("base.squashfs.img")).findings()
public struct Verifier {
  /// The path of the archive. Its last component is checked against the conventions.
  public var archive: String
  /// The image that the overlay will be laid over. Without one, the checks assume that the base has what the overlay lacks.
  public var base: BaseImage?
  /// The processors of the nodes.
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

  /// Reads the archive, and the files of the base whose contents matter.
  ///
  /// - Returns: sorted, errors first.
  /// - Throws: when the archive cannot be read to its end.
  public func findings() throws(OverlayError) -> [Finding] {
    let inspection = try FileFormat.explaining(archive) { () throws(OverlayError) in
      try ArchiveInspection(archive, limits: limits, progress: progress)
    }
    let overlay = InspectedOverlay(inspection, base: base, architecture)
    let configuration = try LoaderConfiguration(overlay.tree) { (node) throws(OverlayError) in
      try overlay.contents(of: node)
    }
    let fileName = archive.split(separator: "/").last.map(String.init) ?? archive
    let name = OverlayName(fileName)
    var findings = nameFindings(fileName, name, inspection)
    findings += inspection.duplicates.map { path in
      Finding(.warning, .duplicate, path, "is in the archive more than once; the last one counts")
    }
    if let first = inspection.firstBehind { findings.append(Self.behind(first, inspection.parts)) }
    findings += try StartCheck(overlay: overlay).findings()
    findings += try AgentCheck(overlay: overlay).findings()
    findings += ProgramCheck(overlay: overlay).findings()
    findings += try LibraryCheck(overlay: overlay, configured: configuration.directories).findings()
    findings += LayoutCheck(overlay: overlay).findings()
    findings += try KernelCheck(overlay: overlay, name: name, kernels: base?.kernels).findings()
    return findings.sorted()
  }

  /// Stage 1 hands the decompressed file to cpio as often as there are archives in it. cpio reads blocks of 512 bytes, so that
  /// another archive can only begin with a block (scripts/microkernel.d/initramfs/scripts/monorail).
  private static func behind(_ first: OverlayPath, _ parts: [ArchiveReader.Part]) -> Finding {
    let start = "stands behind the end of the first archive in the file"
    let remedy = "unpack the file and pack one archive of all, or give nodes several overlays"
    if parts.contains(where: { $0.compression != parts[0].compression }) {
      return Finding(
        .error, .behind, first, "\(start), and not all of them are compressed alike: a node cannot unpack it; \(remedy)"
      )
    }
    if let part = parts.first(where: { $0.offset % 512 != 0 }) {
      return Finding(
        .error, .behind, first,
        "\(start), and an archive begins at the decompressed byte \(part.offset), which is no multiple of 512: a node"
          + " cannot unpack it; \(remedy)")
    }
    return Finding(
      .warning, .behind, first,
      "\(start): an initramfs that was built before stage 1 read more than one archive stops"
        + " before it without a message; \(remedy)")
  }

  private func nameFindings(_ fileName: String, _ name: OverlayName, _ inspection: ArchiveInspection) -> [Finding] {
    var findings: [Finding] = []
    if !OverlayName.fitsCommandLine(fileName) {
      findings.append(
        Finding(
          .error, .name, nil,
          "the name \"\(OverlayPath.printable(Array(fileName.utf8)))\" cannot stand in a URL on a kernel's command line:"
            + " use letters, digits, and . _ - + ~ @"))
    } else if !name.followsConvention {
      findings.append(Finding(.warning, .name, nil, "the name \(fileName) follows neither \(OverlayName.patterns)"))
    }
    if let named = name.compression, named != inspection.compression {
      func words(_ format: CompressionFormat) -> String {
        format == .none ? "not compressed" : "compressed with \(format.rawValue)"
      }
      findings.append(
        Finding(
          .error, .name, nil,
          "the name \(OverlayPath.printable(Array(fileName.utf8))) says that it is \(words(named)), but it is \(words(inspection.compression))"
        ))
    }
    return findings
  }
}
