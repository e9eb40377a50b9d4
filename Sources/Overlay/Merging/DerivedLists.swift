/// Lists of all files of some kind, which a program makes of what base image and overlay have together. When two overlays have
/// different ones, neither is right for the merged overlay: the program must run again.
public struct DerivedLists: Sendable {
  /// Whether the loader's cache is among them, which ldconfig(8) makes.
  public private(set) var hasCache = false
  /// The kernels whose lists of modules are among them, which depmod(8) makes; sorted.
  public private(set) var kernels: [String] = []
  private var directories: [OverlayPath] = []

  init(_ layers: [ArchiveIndex], conflicts: [MergeConflict]) {
    for conflict in conflicts where PackageDatabase.layersWithFile(conflict.path, layers).count > 1 {
      if conflict.path.bytes.elementsEqual(LoaderCache.path.utf8) { hasCache = true }
      if let place = Self.place(ofModuleList: conflict.path), !directories.contains(place.directory) {
        directories.append(place.directory)
        kernels.append(place.release)
      }
    }
    kernels = Array(Set(kernels)).sorted()
  }

  public var isEmpty: Bool { !hasCache && kernels.isEmpty }

  /// Whether a file is one of these lists.
  func contains(_ path: OverlayPath) -> Bool {
    if hasCache, path.bytes.elementsEqual(LoaderCache.path.utf8) { return true }
    guard let place = Self.place(ofModuleList: path) else { return false }
    return directories.contains(place.directory)
  }

  /// What makes them, for a shell.
  public func script() throws(OverlayError) -> String {
    for kernel in kernels {
      // A shell takes these characters as they are.
      guard OverlayName.fitsCommandLine(kernel) else {
        throw OverlayError("\"\(kernel)\" is no kernel's release, but overlays have modules for it")
      }
    }
    return ((hasCache ? ["ldconfig"] : []) + kernels.map { "depmod \($0)" }).joined(separator: " && ")
  }

  /// What must be done to merge overlays with such lists.
  var refusal: OverlayError {
    let programs = [hasCache ? "ldconfig" : nil, kernels.isEmpty ? nil : "depmod"].compactMap { $0 }
    let lists = [hasCache ? LoaderCache.path : nil, kernels.isEmpty ? nil : "modules.dep"].compactMap { $0 }
    let names = programs.joined(separator: " and ")
    return OverlayError(
      "overlays have different \(lists.joined(separator: " and ")), and neither knows what the others brought: give --base"
        + " IMAGE, the image that the overlays are for, and run merge as root, so that it runs \(names) over the image")
  }

  /// depmod's files are named `modules.*`; those that come with the kernel are made by its build.
  private static func place(ofModuleList path: OverlayPath) -> ModulePlace? {
    let ofKernel = ["modules.order", "modules.builtin", "modules.builtin.modinfo"]
    guard let place = ModulePlace(path), path.parent == place.directory, path.name.starts(with: "modules.".utf8),
      !ofKernel.contains(where: { path.name.elementsEqual($0.utf8) })
    else { return nil }
    return place
  }
}
