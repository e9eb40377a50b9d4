/// Whether kernel modules are whole, and fit the kernels of the base, of the archive's name, and of the directory that they
/// are in.
struct KernelCheck {
  let overlay: InspectedOverlay
  let name: OverlayName
  /// The releases of the base's kernels; `nil` when there is no base.
  let kernels: Set<String>?

  func findings() throws(OverlayError) -> [Finding] {
    var findings: [Finding] = []
    var directories: [OverlayPath: [OverlayPath]] = [:]
    for entry in overlay.archive.entries.values where !entry.isDirectory && !entry.isWhiteout {
      guard let place = ModulePlace(entry.path), place.directory != entry.path else {
        if let finding = strayModule(entry.path) { findings.append(finding) }
        continue
      }
      directories[place.directory, default: []].append(entry.path)
    }
    for (directory, files) in directories {
      guard let release = ModulePlace(directory)?.release else { continue }
      findings += problems(of: directory, release)
      let modules = files.filter { isModule($0) }
      findings += modules.compactMap { damage($0) ?? built($0, for: release) }
      findings += try unlisted(directory, modules)
    }
    if let kernel = name.kernel, let kernels, !kernels.isEmpty, !kernels.contains(where: name.gives) {
      findings.append(
        Finding(
          .error, .kernel, nil, "the name says that it is for the kernel \(kernel), but the base has \(list(kernels))"))
    }
    return findings
  }

  private func problems(of directory: OverlayPath, _ release: String) -> [Finding] {
    var findings: [Finding] = []
    if let kernels, !kernels.contains(release) {
      findings.append(
        kernels.isEmpty
          ? Finding(
            .warning, .kernel, directory, "cannot be compared: the base has no lib/modules, which would name its kernel"
          )
          : Finding(
            .error, .kernel, directory,
            "is for the kernel \(release), but the base has \(list(kernels)): nothing in it would be loaded"))
    }
    if let kernel = name.kernel, !name.gives(release) {
      findings.append(
        Finding(.error, .kernel, directory, "is for the kernel \(release), but the archive's name says \(kernel)"))
    }
    return findings
  }

  private func built(_ module: OverlayPath, for release: String) -> Finding? {
    guard case .elf(let facts)? = overlay.archive.nature(of: module), let built = facts.moduleRelease, built != release
    else { return nil }
    return Finding(
      .error, .kernel, module,
      "was built for the kernel \(built), not for \(release), in whose directory it is: it cannot be loaded")
  }

  /// Vendors keep modules beside their tools and load them with insmod.
  private func strayModule(_ path: OverlayPath) -> Finding? {
    guard isModule(path) else { return nil }
    if let damage = damage(path) { return damage }
    guard let kernels, !kernels.isEmpty, case .elf(let facts)? = overlay.archive.nature(of: path),
      let built = facts.moduleRelease, !kernels.contains(built)
    else { return nil }
    return Finding(.warning, .kernel, path, "was built for the kernel \(built), but the base has \(list(kernels))")
  }

  /// A file that is a module by its name alone.
  private func damage(_ module: OverlayPath) -> Finding? {
    let reason: String
    switch overlay.archive.nature(of: module) {
    case nil: return nil
    case .elf(let facts)?:
      guard facts.kind != .relocatable else { return nil }
      reason = "it is a program or a library"
    case .empty?: reason = "it is empty"
    case .damagedElf(let what)?: reason = "it \(what)"
    case .script?, .other?: reason = "it is no ELF file"
    }
    return Finding(
      .error, .damaged, module, "is no kernel module that can be loaded: \(reason); build it, or copy it, again",
      cause: "is no kernel module that can be loaded; build them, or copy them, again")
  }

  /// Modules that modprobe does not find, because it goes by the list that depmod makes.
  private func unlisted(_ directory: OverlayPath, _ modules: [OverlayPath]) throws(OverlayError) -> [Finding] {
    guard let base = tree.base else { return [] }
    let list = directory.appending(Array("modules.dep".utf8))
    let hasIndex = overlay.archive.entries[directory.appending(Array("modules.dep.bin".utf8))] != nil
    guard overlay.archive.entries[list] != nil else {
      guard !hasIndex, let new = modules.filter({ base[$0] == nil }).min() else { return [] }
      return [
        Finding(
          .warning, .modprobe, new,
          "is not in the base's modules.dep, and the overlay brings none along: modprobe will not find it;"
            + " run depmod in the overlay's shell, or load it with insmod")
      ]
    }
    let listed = Set(
      try overlay.archive.contents(of: list).split(separator: UInt8(ascii: "\n")).map { line in
        Array(line.prefix { $0 != UInt8(ascii: ":") })
      })
    return modules.filter { !listed.contains(Array($0.bytes.dropFirst(directory.bytes.count + 1))) }.map { module in
      Finding(
        .warning, .modprobe, module,
        "is not in the overlay's \(list): modprobe will not find it; run depmod in the overlay's shell, or load it with"
          + " insmod")
    }
  }

  private var tree: MergedTree { overlay.tree }

  private func isModule(_ path: OverlayPath) -> Bool { KernelModule.isOne(path) }

  private func list(_ releases: Set<String>) -> String { releases.sorted().joined(separator: ", ") }
}
