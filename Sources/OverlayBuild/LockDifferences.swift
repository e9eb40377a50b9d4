import Overlay

/// What is other in a lock than in the one before, as lines for people.
///
///     base image: base.bookworm.img 1d3f52c0a1b2 -> 8e0c11d2f3a4
///     packages: pciutils 1:3.9.0-4 -> 1:3.9.0-5
///     packages: + libfoo 1.2
enum LockDifferences {
  /// - Parameter old: `nil` when there was no lock. Somebody may have put anything into its names.
  static func lines(from old: Lock?, to new: Lock) -> [String] {
    differences(from: old, to: new).map(\.printable)
  }

  private static func differences(from old: Lock?, to new: Lock) -> [String] {
    var lines: [String] = []
    if let old {
      if old.base != new.base {
        lines.append("base image: \(change(from: old.base, to: new.base))")
      }
      if old.epoch != new.epoch { lines.append("epoch: \(old.epoch) -> \(new.epoch)") }
    } else {
      lines += ["base image: \(new.base.name) \(short(new.base.sha256))", "epoch: \(new.epoch)"]
    }
    lines += files(from: old?.files ?? [], to: new.files)
    lines += downloads(from: old?.downloads ?? [], to: new.downloads)
    let (oldSets, newSets) = (old?.packageSets ?? [], new.packageSets)
    let namesRecipes = Set((oldSets + newSets).map(\.recipe)).count > 1
    var titles: [String] = []
    for set in newSets + oldSets where !titles.contains(title(set, namesRecipes)) {
      titles.append(title(set, namesRecipes))
    }
    for title in titles {
      func packages(_ sets: [Lock.PackageSet]) -> [Lock.Package] {
        sets.filter { Self.title($0, namesRecipes) == title }.flatMap(\.packages)
      }
      lines += Self.packages(from: packages(oldSets), to: packages(newSets)).map { "\(title): \($0)" }
    }
    return lines
  }

  private static func title(_ set: Lock.PackageSet, _ namesRecipes: Bool) -> String {
    namesRecipes ? "\(set.recipe): \(set.key)" : set.key
  }

  private static func files(from old: [Lock.File], to new: [Lock.File]) -> [String] {
    let before = Dictionary(old.map { ($0.name, $0) }) { $1 }
    let after = Set(new.map(\.name))
    return new.compactMap { file in
      guard let known = before[file.name] else { return "file: + \(file.name) \(short(file.sha256))" }
      return known == file ? nil : "file: \(change(from: known, to: file))"
    } + old.filter { !after.contains($0.name) }.map { "file: - \($0.name)" }
  }

  private static func downloads(from old: [Lock.Download], to new: [Lock.Download]) -> [String] {
    let before = Dictionary(old.map { ($0.url, $0.sha256) }) { $1 }
    let after = Set(new.map(\.url))
    return new.compactMap { download in
      guard let known = before[download.url] else { return "download: + \(download.url) \(short(download.sha256))" }
      return known == download.sha256
        ? nil : "download: \(download.url) \(short(known)) -> \(short(download.sha256))"
    } + old.filter { !after.contains($0.url) }.map { "download: - \($0.url)" }
  }

  private static func packages(from old: [Lock.Package], to new: [Lock.Package]) -> [String] {
    func key(_ package: Lock.Package) -> String { "\(package.name):\(package.architecture)" }
    let before = Dictionary(old.map { (key($0), $0) }) { $1 }
    let after = Set(new.map(key))
    let changed = new.compactMap { package -> (String, String)? in
      guard let known = before[key(package)] else { return (key(package), "+ \(package.name) \(package.version)") }
      if known.version != package.version {
        return (key(package), "\(package.name) \(known.version) -> \(package.version)")
      }
      guard known.sha256 != package.sha256 else { return nil }
      let digests = "\(short(known.sha256)) -> \(short(package.sha256))"
      return (key(package), "\(package.name) \(package.version) has other contents: \(digests)")
    }
    let gone = old.filter { !after.contains(key($0)) }.map { (key($0), "- \($0.name) \($0.version)") }
    return (changed + gone).sorted { $0.0 < $1.0 }.map(\.1)
  }

  private static func change(from old: Lock.File, to new: Lock.File) -> String {
    let name = old.name == new.name ? new.name : "\(old.name) -> \(new.name)"
    return old.sha256 == new.sha256 ? name : "\(name) \(short(old.sha256)) -> \(short(new.sha256))"
  }

  private static func short(_ digest: String) -> Substring { digest.prefix(12) }
}
