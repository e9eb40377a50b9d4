import Foundation

/// The files that a node boots from: names of the boot directory, and URLs. They are looked up again for each boot, so that
/// newly built files are used.
struct BootFiles: Equatable {
  let kernel: String
  let initrd: String
  let base: String
  let overlays: [String]
  /// In hexadecimal; `nil` when the command line carries none. The digest of what a URL leads to is not known.
  let baseDigest: String?
  /// One for each overlay, empty for one without a digest.
  let overlayDigests: [String]?

  var all: [String] { [kernel, initrd, base] + overlays }

  /// What is missing or wrong, in words for the node's console and for the log.
  struct Missing: Error, Equatable {
    let problems: [String]
  }

  init(_ options: BootOptions, in directory: StaticFiles) throws(Missing) {
    var finder = Finder(directory)
    let kernel = finder.file(options.kernelFile, "vmlinuz-", "")
    let named = kernel?.split(separator: "/").last ?? ""
    let version = named.hasPrefix("vmlinuz-") ? String(named.dropFirst("vmlinuz-".count)) : nil
    let initrd = finder.file(options.initrdFile, "initrd.img-" + (version ?? ""), "", isWhole: version != nil)
    let base = finder.file(options.basefsFile, "base.", (version.map { "." + $0 } ?? "") + ".squashfs.img")
    let overlays = (options.overlayfsFiles ?? ["discovery.overlay.cpio.gz"]).map { finder.file($0, "", "") }
    let digests = options.withDigests ? ([base] + overlays).map { finder.digest(of: $0) } : []
    guard finder.problems.isEmpty, let kernel, let initrd, let base else { throw Missing(problems: finder.problems) }
    (self.kernel, self.initrd, self.base, self.overlays) = (kernel, initrd, base, overlays.compactMap { $0 })
    baseDigest = digests.first ?? nil
    let others = digests.dropFirst()
    overlayDigests = others.contains { $0 != nil } ? others.map { $0 ?? "" } : nil
  }

  /// Where the node gets a file from.
  static func url(of file: String, _ server: AdvertisedServer) -> String {
    BootOptions.isURL(file) ? file : server.images + "/" + file
  }

  private struct Finder {
    let directory: StaticFiles
    let names: [String]
    var problems: [String] = []

    init(_ directory: StaticFiles) {
      self.directory = directory
      names = (try? FileManager.default.contentsOfDirectory(atPath: directory.root)) ?? []
    }

    /// The file of that name, or else the newest whose name has that start and that end.
    mutating func file(_ given: String?, _ start: String, _ end: String, isWhole: Bool = false) -> String? {
      if let name = given ?? (isWhole ? start + end : nil) {
        if BootOptions.isURL(name) {
          if Self.isPlainURL(name) { return name }
          problems.append(
            "\(Self.shown(name)) (a URL with blanks, quotes, dollars or non-ASCII cannot stand on a kernel command line)"
          )
        } else if !Self.isPlain(name) {
          problems.append(
            "\(Self.shown(name)) (a name of letters, digits and ._+~- only can stand on a kernel command line)")
        } else if directory.file("/" + name) == nil {
          problems.append(name)
        } else {
          return name
        }
        return nil
      }
      let candidates = names.filter {
        $0.hasPrefix(start) && $0.hasSuffix(end) && $0.utf8.count > start.utf8.count + end.utf8.count
          && !$0.hasSuffix(".sha256") && Self.isPlain($0)
      }
      let dated = candidates.compactMap { name in modified(name).map { (name, $0) } }
      if let newest = dated.max(by: { ($0.1, $0.0) < ($1.1, $1.0) }) { return newest.0 }
      problems.append("\(start)*\(end)")
      return nil
    }

    /// What `sha256sum` wrote beside the file; `nil` for a URL.
    mutating func digest(of name: String?) -> String? {
      guard let name, !BootOptions.isURL(name) else { return nil }
      guard let path = directory.file("/" + name + ".sha256") else {
        problems.append(name + ".sha256")
        return nil
      }
      let text =
        FileManager.default.contents(atPath: path).map { String(decoding: $0.prefix(200), as: UTF8.self) } ?? ""
      let digest = text.prefix { $0.isHexDigit && $0.isASCII }.lowercased()
      guard digest.utf8.count == 64 else {
        problems.append("\(name).sha256 (it does not begin with a SHA-256)")
        return nil
      }
      return digest
    }

    private func modified(_ name: String) -> Double? {
      guard let path = directory.file("/" + name) else { return nil }
      var info = stat()
      guard stat(path, &info) == 0 else { return nil }
      return Double(info.st_mtim.tv_sec) + Double(info.st_mtim.tv_nsec) / 1e9
    }

    private static func isPlain(_ name: String) -> Bool {
      let parts = name.split(separator: "/", omittingEmptySubsequences: false)
      return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
        && name.utf8.allSatisfy {
          Character(UnicodeScalar($0)).isLetter && $0 < 0x80 || "0123456789._+~-/".utf8.contains($0)
        }
    }

    private static func isPlainURL(_ url: String) -> Bool {
      url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\"'\\$".utf8.contains($0) }
    }

    private static func shown(_ name: String) -> String {
      String(name.prefix(80).map { $0.isASCII && !$0.isWhitespace && $0 != "$" ? $0 : "?" })
    }
  }
}
