import Overlay
import OverlayWorkspace
import Recipes
import SystemFiles

/// Finds the exact packages that a request means: from the lock where that has them, else by asking apt in a workspace.
struct PackageResolver {
  private let build: BuildContext
  private let request: PackageRequest

  init(_ request: PackageRequest, _ build: BuildContext) { (self.request, self.build) = (request, build) }

  /// The packages to install, sorted by name. They are noted in the build's lock.
  ///
  /// - Parameters:
  ///   - earlier: what the steps before have noted in the lock; `nil` when the packages come over the base image alone.
  ///   - archive: gives the overlay so far. It is only called when apt must be asked.
  func packages(
    after earlier: Lock?, in archive: () throws(OverlayError) -> String
  ) throws(OverlayError) -> [Lock.Package] {
    func locked(_ packages: [Lock.Package]) -> Lock.PackageSet {
      request.locked(
        packages, base: build.base.sha256, overlays: earlier?.files ?? [], earlier: earlier?.packageSets ?? [])
    }
    let known = build.oldLock?.packageSets.first { $0.recipe == request.recipe && $0.key == request.key }
    let set: Lock.PackageSet
    if let known, known == locked(known.packages), build.lockMode != .update {
      set = known
    } else if build.lockMode == .locked {
      throw try notLocked(known)
    } else {
      set = locked(
        try resolve(in: try archive(), preferring: build.lockMode == .follow ? known?.packages ?? [] : []))
    }
    build.lock(set)
    return set.packages
  }

  private func notLocked(_ known: Lock.PackageSet?) throws(OverlayError) -> OverlayError {
    let what: String
    if let known {
      let asked = Set(request.names.map { String($0.value.package) })
      let locked = Set(known.packages.filter { $0.isRequested && $0.url != nil }.map(\.name))
      // What is there already is not installed.
      let there =
        try DebianPackage.installed(in: build.baseImage()).map(\.name)
        + build.lock.packageSets.flatMap(\.packages).map(\.name)
      let new = asked.subtracting(known.packages.map(\.name)).subtracting(there).sorted().map { "\($0) is not in it" }
      let gone = locked.subtracting(asked).sorted().map { "\($0) is no longer asked for" }
      let details = new + gone
      what =
        "does not fit the recipe: "
        + (details.isEmpty
          ? "versions, .deb files, archives or the packages of earlier recipes are others than when it was written;"
            + " or another version of this program wrote it, or somebody has changed its packages"
          : details.joined(separator: ", "))
    } else {
      what = "has no packages for this"
    }
    return request.failure(
      "\(build.lockPath) \(what); build without --locked to add to it, or with --update to renew it")
  }

  // MARK: - Asking apt

  /// How the script ends when a part of it fails, besides ``PackageSources/Stop``.
  private enum Stop: Int32 {
    case file = 95
    case install
  }

  private static let directory = "/run/monorail-resolve"
  /// Has the recipe's `.deb` files.
  private static let debs = "/run/monorail-debs"

  private static let script =
    PackageSources.beginning + """
      cd \(directory)
      exec >log 2>&1
      if [ -e preferences ]; then
        mkdir -p /etc/apt/preferences.d
        cp preferences /etc/apt/preferences.d/zz-monorail-overlay
      fi
      # What is there stays as it is, unless a version is asked for: apt-get would take the newest one.
      dpkg-query -W -f '${db:Status-Status} ${Package}\\n${db:Status-Status} ${Package}:${Architecture}\\n' |
        sed -n 's/^installed //p' >installed
      count=$#
      while [ "$count" -gt 0 ]; do
        name=$1
        shift
        count=$((count - 1))
        case $name in
        *=*) ;;
        *) ! grep -qxF -e "$name" installed || continue ;;
        esac
        set -- "$@" "$name"
      done
      for deb in \(debs)/*.deb; do
        [ -e "$deb" ] || continue
        echo "${deb##*/}" >current
        facts=$(dpkg-deb --show --showformat '${Package} ${Version} ${Architecture}' "$deb") || exit \(Stop.file.rawValue)
        echo "${deb##*/} $facts" >>files
        set -- "$@" "$deb"
      done
      : >uris
      if [ $# -gt 0 ]; then
        apt-get -y -q \(PackageSources.options) -o Acquire::ForceHash=SHA256 -o APT::Cmd::Pattern-Only=true \\
          --no-install-recommends --allow-downgrades --print-uris install -- "$@" >uris || exit \(Stop.install.rawValue)
      fi
      """

  private func resolve(
    in archive: String, preferring known: [Lock.Package]
  ) throws(OverlayError) -> [Lock.Package] {
    for name in request.names where name.value.name.hasSuffix("-") {
      throw request.failure("\"\(name.value.name)\" is no name of a package", name.place)
    }
    let shared = try build.makeSharedDirectory("resolve-\(request.key)")
    if !known.isEmpty {
      // A version that the archives do not have any more has no effect, and the newest one is taken.
      let pins = known.map { "Package: \($0.name)\nPin: version \($0.version)\nPin-Priority: 990\n" }
      try shared.write(pins.joined(separator: "\n"), to: "preferences")
    }
    let debs = try build.makeSharedDirectory("debs-\(request.key)")
    for (index, file) in request.files.enumerated() {
      try build.blobs.link(file.value.sha256, to: debs.file("\(index).deb"))
    }
    let sources = try PackageSources(request, build).fetch(archive)
    build.say("\(request.place): \(request.key): asking apt-get which packages are needed")
    var script = BuildContext.Script(
      text: Self.script, arguments: request.names.map(\.value.argument), name: "apt-get", place: request.place)
    script.binds = [
      shared.bind(at: Self.directory), debs.bind(at: Self.debs, isReadOnly: true),
      sources.bind(at: PackageSources.directory, isReadOnly: true),
    ]
    let code = try build.exitCode(of: script, in: archive, to: nil)
    guard code == 0 else { throw try explain(code, shared) }
    return try packages(try shared.text("uris", request.place), files: try shared.text("files", request.place))
  }

  private func explain(_ code: Int32, _ shared: SharedDirectory) throws(OverlayError) -> OverlayError {
    // What packages depend on that is not there, apt-get prints among its answers.
    let log = AptLog(try shared.text("uris", request.place) + shared.end(of: "log", request.place))
    if let stop = PackageSources.Stop(rawValue: code) { return PackageSources(request, build).failure(stop, log) }
    switch Stop(rawValue: code) {
    case .file:
      let current = try shared.text("current", request.place).filter { $0.isASCII && $0.isNumber }
      let file = Int(current).flatMap { request.files.indices.contains($0) ? request.files[$0] : nil }
      return request.failure("\(file?.value.path ?? "a file") is no Debian package: \(log.errors)", file?.place)
    case .install: return OverlayError(problems(log).joined(separator: "\n"))
    case nil: return request.failure("apt-get ended with \(code):\n\(log.tail)")
    }
  }

  /// What apt says, each line with the place of the request that it names.
  private func problems(_ log: AptLog) -> [String] {
    let whole = "\(request.place): \(request.key):"
    var lines = log.unmetDependencies.map { "\(whole) \($0)" }
    for line in log.errorLines {
      let words = Set(line.split { " '\"".contains($0) }.map(String.init))
      let asked = request.names.first { words.contains($0.value.name) || words.contains(String($0.value.package)) }
      guard let asked else {
        lines.append("\(whole) \(line)")
        continue
      }
      let name = asked.value.name
      let text: String
      if line == "Unable to locate package \(name)" {
        text = "the archives have no package \(name)"
      } else if let version = asked.value.version, line.hasPrefix("Version ") {
        text = "the archives have no version \(version) of \(name)"
      } else {
        text = line
      }
      lines.append("\(asked.place): \(request.key): \(text)")
    }
    return lines.isEmpty ? ["\(whole) apt-get refuses:\n\(log.tail)"] : lines
  }

  // MARK: - Its answer

  /// - Parameters:
  ///   - uris: what `apt-get --print-uris` prints: a line `'URI' NAME SIZE SHA256:HEX` for each package, among others.
  ///   - files: a line for each `.deb` file: its name, package, version, architecture.
  private func packages(_ uris: String, files: String) throws(OverlayError) -> [Lock.Package] {
    var local: [Substring: [Substring]] = [:]
    for line in files.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 4 { local[words[0]] = Array(words[1...]) }
    }
    let asked = Set(request.names.map { $0.value.package })
    var packages: [Lock.Package] = []
    for line in uris.split(separator: "\n") where line.hasPrefix("'") {
      let parts = line.dropFirst().split(separator: "'", maxSplits: 1)
      let words = parts.last?.split(separator: " ") ?? []
      guard parts.count == 2, words.count >= 2, let size = Int(words[1]) else {
        throw request.failure("apt-get says \"\(line)\", which this program does not understand")
      }
      let uri = parts[0]
      var package: Lock.Package
      if uri.hasPrefix("file:\(Self.debs)/"), let name = uri.split(separator: "/").last,
        let facts = local[name], let index = Int(name.dropLast(4)), request.files.indices.contains(index)
      {
        package = Lock.Package(
          name: String(facts[0]), version: String(facts[1]), architecture: String(facts[2]), url: nil, size: size,
          sha256: request.files[index].value.sha256, isRequested: true)
      } else {
        package = try self.package(uri: uri, fileName: words[0], size: size, hash: words.dropFirst(2).first)
        package.isRequested = asked.contains(package.name[...])
      }
      if let problem = package.problem { throw request.failure("apt-get says that \(problem)") }
      packages.append(package)
    }
    return packages.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
  }

  private func package(
    uri: Substring, fileName: Substring, size: Int, hash: Substring?
  ) throws(OverlayError) -> Lock.Package {
    let facts = fileName.dropLast(fileName.hasSuffix(".deb") ? 4 : 0).split(separator: "_").map(Self.decoded)
    guard facts.count == 3 else {
      throw request.failure("apt-get names the file \(fileName), which is no package's name")
    }
    guard uri.hasPrefix("http://") || uri.hasPrefix("https://") else {
      throw request.failure("\(facts[0]) would come from \(uri); only archives at http and https URLs can be used")
    }
    guard let hash, hash.hasPrefix("SHA256:"), hash.utf8.count == 71 else {
      throw request.failure("the archive gives no SHA256 of \(facts[0]) (\(uri)): it cannot be verified")
    }
    return Lock.Package(
      name: facts[0], version: facts[1], architecture: facts[2], url: String(uri), size: size,
      sha256: String(hash.dropFirst(7)), isRequested: false)
  }

  /// apt writes a version's colon as `%3a` in names of files.
  private static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let code = UInt8(String(Substring(rest.prefix(2))), radix: 16) {
        bytes.append(code)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
