import Glibc
import JSONDocument
import Overlay
import Recipes
import SystemFiles

/// What an overlay is made of, as a document of SPDX 2.3 in JSON (https://spdx.github.io/spdx-spec/v2.3/), which programs for
/// licenses and vulnerabilities read.
///
/// It names Debian packages that the overlay installs or changes, downloads, archives that recipes name, required files, kernel
/// modules with the packages that they were built with, and the base image. The same build gives the same bytes.
struct SPDXDocument {
  /// The overlay's own file.
  var archive: Lock.File
  var lock: Lock
  /// The packages that the overlay installs, or has in another version than the base image.
  var packages: [DebianPackage] = []
  /// The namespace of package URLs: os-release's ID, `debian`.
  var distribution = "debian"
  /// Required files, and kernel modules that were built from their sources: paths in the overlay, and digests.
  var required: [Lock.File] = []
  var modules: [Lock.File] = []

  init(archive: Lock.File, lock: Lock) { (self.archive, self.lock) = (archive, lock) }

  /// - Parameters:
  ///   - index: of the archive, with digests.
  ///   - origins: where its entries come from.
  init(
    archive: Lock.File, index: ArchiveIndex, base: BaseImage, lock: Lock, origins: Origins, limits: ArchiveLimits
  ) throws(OverlayError) {
    self.init(archive: archive, lock: lock)
    packages = try DebianPackage.added(by: index, over: base, limits: limits)
    distribution = try base.distribution() ?? distribution
    for entry in index.entries {
      guard let sha256 = index.digest(of: entry.path) else { continue }
      switch origins.makers(of: entry.path).last {
      case .required: required.append(Lock.File(name: "\(entry.path)", sha256: sha256))
      case .recipe(_, key: "modules", _) where entry.path.isKernelModule:
        modules.append(Lock.File(name: "\(entry.path)", sha256: sha256))
      default: break
      }
    }
  }

  static func path(beside archive: String) -> String { "\(archive).spdx.json" }

  func write(beside archive: String) throws(OverlayError) {
    try WholeFile.write(Array(json.prettyText.utf8), to: Self.path(beside: archive))
  }

  var json: JSON {
    var elements = SPDXElements()
    let overlay = elements.add(
      SPDXPackage("overlay", name: archive.name, sha256: archive.sha256, purpose: "ARCHIVE", fileName: archive.name))
    elements.relate("SPDXRef-DOCUMENT", "DESCRIBES", overlay)
    let base = elements.add(
      SPDXPackage(
        "base", name: lock.base.name, sha256: lock.base.sha256, purpose: "OPERATING-SYSTEM", fileName: lock.base.name))
    elements.relate(overlay, "DEPENDS_ON", base)

    for package in packages { elements.relate(overlay, "CONTAINS", elements.add(describe(package))) }
    for download in lock.downloads.withoutRepetitions {
      var package = SPDXPackage("download", name: Self.name(of: download.url), sha256: download.sha256, purpose: "FILE")
      package.downloadLocation = download.url
      elements.relate(overlay, "CONTAINS", elements.add(package))
    }
    for file in lock.files where !Self.sourcesOfRequiredFiles.contains(file.name) {
      let package = SPDXPackage(
        "archive", name: file.name, sha256: file.sha256, purpose: "ARCHIVE", fileName: Path.split(file.name).name)
      elements.relate(overlay, "CONTAINS", elements.add(package))
    }
    for file in required {
      let purpose = file.name == RequiredFiles.agentPath ? "APPLICATION" : "FILE"
      let package = SPDXPackage("required", name: file.name, sha256: file.sha256, purpose: purpose)
      elements.relate(overlay, "CONTAINS", elements.add(package))
    }
    let built = modules.map { file in
      elements.add(SPDXPackage("module", name: file.name, sha256: file.sha256, purpose: "OTHER"))
    }
    for module in built { elements.relate(overlay, "CONTAINS", module) }
    for tool in toolsOfModules where !built.isEmpty {
      let id = elements.add(describe(tool))
      for module in built { elements.relate(id, "BUILD_DEPENDENCY_OF", module) }
    }
    return document(elements)
  }

  private func document(_ elements: SPDXElements) -> JSON {
    [
      "spdxVersion": "SPDX-2.3",
      "dataLicense": "CC0-1.0",
      "SPDXID": "SPDXRef-DOCUMENT",
      "name": .string(archive.name),
      // The namespace for documents of those who have no web site of their own.
      "documentNamespace": .string(
        "https://spdx.org/spdxdocs/\(PackageURL.encoded(archive.name))-\(archive.sha256)"),
      "creationInfo": [
        "created": .string(Self.time(lock.epoch)), "creators": ["Tool: monorail-overlay"],
      ],
      "packages": .array(elements.packages),
      "relationships": .array(elements.relationships),
    ]
  }

  private static let sourcesOfRequiredFiles: Set = ["monorail-agent", "overlay-skel", "rc.local"]

  // MARK: - Debian packages

  private func describe(_ package: DebianPackage) -> SPDXPackage {
    var result = SPDXPackage(
      "deb-\(package.name)-\(package.architecture)", name: package.name, sha256: nil, purpose: nil)
    result.version = package.version
    result.url = PackageURL.debian(package, distribution)
    (result.supplier, result.homepage) = (SPDXPackage.actor(package.maintainer), package.homepage)
    result.sourceInfo = package.source.map { "built from the source package \($0)" }
    for set in lock.packageSets where set.key == "packages" {
      guard let locked = set.packages.first(where: { $0.isSame(as: package) }) else { continue }
      result.note(locked, set)
    }
    return result
  }

  private func describe(_ tool: (package: Lock.Package, set: Lock.PackageSet)) -> SPDXPackage {
    let package = DebianPackage(
      name: tool.package.name, version: tool.package.version, architecture: tool.package.architecture)
    var result = SPDXPackage(
      "build-\(package.name)-\(package.architecture)", name: package.name, sha256: nil, purpose: nil)
    (result.version, result.url) = (package.version, PackageURL.debian(package, distribution))
    result.note(tool.package, tool.set)
    return result
  }

  /// What modules were built with, each package once.
  private var toolsOfModules: [(package: Lock.Package, set: Lock.PackageSet)] {
    var seen: Set<String> = []
    return lock.packageSets.filter { $0.key == "modules" }.flatMap { set in set.packages.map { ($0, set) } }.filter {
      seen.insert($0.0.sha256).inserted
    }
  }

  // MARK: - Texts

  /// The last part of an address, without what stands behind `?` and `#`; else the whole address.
  private static func name(of url: String) -> String {
    let path = url.prefix { $0 != "?" && $0 != "#" }
    let name = Path.split(String(path)).name
    return name.isEmpty ? url : name
  }

  /// `2024-02-29T12:00:00Z`
  private static func time(_ epoch: UInt32) -> String {
    let text = Entry(.root, .directory, permissions: 0, modified: epoch).timeText
    return text.split(separator: " ").joined(separator: "T") + "Z"
  }
}

extension Lock.Package {
  fileprivate func isSame(as package: DebianPackage) -> Bool {
    name == package.name && version == package.version && architecture == package.architecture
  }
}

extension [Lock.Download] {
  fileprivate var withoutRepetitions: [Lock.Download] {
    var seen: Set<[String]> = []
    return filter { seen.insert([$0.url, $0.sha256]).inserted }
  }
}

extension OverlayPath {
  /// Whether the name is that of a kernel module, compressed or not.
  fileprivate var isKernelModule: Bool {
    [".ko", ".ko.gz", ".ko.xz", ".ko.zst"].contains { name.suffix($0.utf8.count).elementsEqual($0.utf8) }
  }
}
