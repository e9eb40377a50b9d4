import Glibc
import HTTPTransport
import Overlay
import OverlayWorkspace
import Recipes
import SystemFiles

/// Installs packages whose files and digests are known, in a workspace without a network.
struct PackageInstaller {
  private let build: BuildContext
  private let packages: [Lock.Package]
  /// The recipe's key, for errors: `packages`.
  private let key: String
  private let place: Place

  init(_ packages: [Lock.Package], key: String, _ place: Place, _ build: BuildContext) {
    (self.packages, self.key, self.place, self.build) = (packages, key, place, build)
  }

  /// Where the script finds the packages.
  static let packageDirectory = "/run/monorail-packages"
  /// Where it writes its log, which is in ``logName``.
  static let directory = "/run/monorail-install"
  private static let logName = "log"

  /// How a script ends when ``functions`` has failed.
  enum Stop: Int32 {
    case apt = 90
    /// A package is another one than its file's name says.
    case other
  }

  /// The begin of a script: defines `install_packages`, which installs all packages. apt-get needs no package lists, since every
  /// package is there as a file.
  static let functions = """
    cd /
    install_packages() {
      set -- "$@" \(packageDirectory)/*.deb
      mkdir -p /run/monorail-lists/partial
      apt-mark showmanual >/run/monorail-manual
      apt-get -y -q --no-install-recommends --allow-downgrades -o Dir::State::lists=/run/monorail-lists \\
        -o APT::Sandbox::User=root -o DPkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef \\
        -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io install "$@" \\
        </dev/null >\(directory)/log 2>&1 || exit \(Stop.apt.rawValue)
      dpkg-query -W -f '${db:Status-Status} ${Package} ${Version} ${Architecture}\\n' |
        sed -n 's/^installed //p' >/run/monorail-installed
      if grep -vxF -f /run/monorail-installed \(packageDirectory)/names >\(directory)/others; then
        exit \(Stop.other.rawValue)
      fi
    }
    """

  /// Options of apt-get that leave out manuals and translations. Copyright files stay.
  static let withoutDocumentation =
    ["doc", "man", "info", "locale"].flatMap { ["-o", "Dpkg::Options::=--path-exclude=/usr/share/\($0)/*"] }
    + ["-o", "Dpkg::Options::=--path-include=/usr/share/doc/*/copyright"]

  /// The packages' files, under the names that archives give them, in a directory for ``packageDirectory``. What is not in
  /// the cache is fetched.
  private func fetchAll() throws(OverlayError) -> SharedDirectory {
    let directory = try build.makeSharedDirectory("packages-\(key)")
    var missing: [Lock.Package] = []
    for package in packages where package.url != nil {
      if try build.blobs.path(of: package.sha256) == nil { missing.append(package) }
    }
    if !missing.isEmpty {
      let size = missing.reduce(0) { $0 + $1.size }
      let count = missing.count == 1 ? "1 package" : "\(missing.count) packages"
      build.say("\(place): \(key): fetching \(count), \((size + 999_999) / 1_000_000) MB")
    }
    for package in packages {
      if let url = package.url { try fetch(package, url) }
      guard let path = try build.blobs.path(of: package.sha256) else {
        throw OverlayError("\(place): \(key): \(package.fileName) of \(build.lockPath) is no file of the recipe")
      }
      var status = stat()
      guard stat(path, &status) == 0, Int(status.st_size) == package.size else {
        throw isOther(
          "\(package.fileName) has \(status.st_size) bytes, and not the \(package.size) of \(build.lockPath)")
      }
      try build.blobs.link(package.sha256, to: directory.file(package.fileName))
    }
    let names = packages.map { "\($0.name) \($0.version) \($0.architecture)\n" }
    try directory.write(names.joined(), to: "names")
    return directory
  }

  private func isOther(_ message: String) -> OverlayError {
    OverlayError(
      "\(place): \(key): \(message)",
      remedy: "Somebody has changed the lock: get it back as it was, for example with git, or build with --update.")
  }

  private func fetch(_ package: Lock.Package, _ url: String) throws(OverlayError) {
    let what = "\(package.name) \(package.version)"
    do throws(DownloadError) { _ = try build.blobs.fetch(url, sha256: package.sha256) } catch {
      guard error.status == 404 || error.status == 410 else {
        throw OverlayError("\(place): \(key): cannot fetch \(what): \(error.message)", cause: error.cause)
      }
      throw OverlayError(
        "\(place): \(key): \(URLText.withoutSecrets(url)), \(what) of \(build.lockPath), is gone: the archive keeps only"
          + " the newest versions",
        remedy: "Name a snapshot of the archive under \"archives\", or take what is newest with build --update.")
    }
  }

  /// Runs a script that begins with ``functions``.
  ///
  /// - Parameters:
  ///   - binds: further ones.
  ///   - result: where the changed overlay goes; `nil` when it is not wanted.
  /// - Returns: the script's exit code, which is none of ``Stop``.
  func run(
    _ text: String, arguments: [String] = [], binds: [Workspace.Bind] = [], in archive: String, to result: String?
  ) throws(OverlayError) -> Int32 {
    let files = try fetchAll()
    let shared = try build.makeSharedDirectory("install-\(key)")
    var script = BuildContext.Script(
      text: Self.functions + "\n" + text, arguments: arguments, name: "apt-get", place: place)
    script.binds =
      binds + [
        files.bind(at: Self.packageDirectory, isReadOnly: true), shared.bind(at: Self.directory),
      ]
    // Nobody can tell the packages' scripts to set none. On a node everything runs as root, for whom they change nothing.
    let code = try build.exitCode(of: script, in: archive, to: result)
    guard let stop = Stop(rawValue: code) else { return code }
    if stop == .other {
      let others = try shared.text("others", place).split(separator: "\n").joined(separator: ", ")
      throw isOther("the files of the packages are others than \(build.lockPath) says: it names \(others)")
    }
    let log = AptLog(try shared.end(of: Self.logName, place))
    for line in log.tail.split(separator: "\n") { build.say(String(line)) }
    let reasons = (log.unmetDependencies + log.errorLines).prefix(20).joined(separator: "\n")
    throw OverlayError(
      "\(place): \(key): apt-get could not install the packages of \(build.lockPath)"
        + (reasons.isEmpty ? "" : ": \(reasons)"),
      remedy: log.wasFull
        ? nil : "If they do not fit each other or the base image any more, build --update finds others.")
  }
}

extension Lock.Package {
  /// As archives name it, without what keeps a name from being the same for every version.
  var fileName: String { "\(name)_\(version.split(separator: ":").joined(separator: "%3a"))_\(architecture).deb" }
}
