import Overlay
import OverlayWorkspace
import Recipes
import SystemFiles

/// The archives that packages come from, and their lists of packages.
///
/// The lists are fetched over the network by the base image's apt-get. Of the overlay it sees only which archives there are
/// and whose signatures count: no program and no setting that recipes or their archives have put into the overlay runs with a
/// network.
struct PackageSources {
  /// Where scripts find the directory with the lists.
  static let directory = "/run/monorail-sources"
  /// Options of apt-get that use them.
  static let options = "-o Dir::State::lists=\(directory)/lists"
  /// The begin of scripts that use apt-get: archives of the recipe take the place of all others.
  static let beginning = """
    command -v apt-get >/dev/null || exit \(Stop.noApt.rawValue)
    if [ -e \(directory)/sources.list ]; then
      rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
      cp \(directory)/sources.list /etc/apt/sources.list
    fi

    """

  /// How such scripts end when a part of them fails.
  enum Stop: Int32 {
    case noApt = 90
    case update
  }

  private static let fetching =
    beginning + """
      mkdir -p \(directory)/lists/partial
      apt-get -q \(options) -o APT::Update::Error-Mode=any update >\(directory)/log 2>&1 || exit \(Stop.update.rawValue)
      """

  /// What apt takes of the overlay, relative to the root: names of archives, keys, and who may read them.
  private static let settings = [
    "etc/apt/sources.list", "etc/apt/sources.list.d", "etc/apt/trusted.gpg", "etc/apt/trusted.gpg.d",
    "etc/apt/keyrings", "etc/apt/auth.conf", "etc/apt/auth.conf.d", "usr/share/keyrings",
  ]
  /// Bytes. Debian's keyrings have less than 1 MB.
  private static let limit = 64 << 20

  private let request: PackageRequest
  private let build: BuildContext

  init(_ request: PackageRequest, _ build: BuildContext) { (self.request, self.build) = (request, build) }

  /// Fetches the lists.
  ///
  /// - Parameter archive: the overlay so far.
  func fetch(_ archive: String) throws(OverlayError) -> SharedDirectory {
    let shared = try build.makeSharedDirectory("sources-\(request.key)")
    if !request.archives.isEmpty {
      try shared.write(request.archives.map { $0.value + "\n" }.joined(), to: "sources.list")
    }
    let part = build.scratch + "/sources.cpio.zst"
    do throws(OverlayError) {
      try OverlayPart.write(
        of: archive, to: part, LayerCache.writer, limits: build.limits, limit: Self.limit, where: Self.isSetting)
    } catch { throw error.at(request.place) }
    build.say("\(request.place): \(request.key): fetching the archives' lists of packages")
    var script = BuildContext.Script(text: Self.fetching, name: "apt-get", place: request.place)
    script.binds = [shared.bind(at: Self.directory)]
    script.hasNetwork = true
    let code = try build.exitCode(of: script, in: part, to: nil)
    guard code == 0 else {
      let log = AptLog(try shared.end(of: "log", request.place))
      throw Stop(rawValue: code).map { failure($0, log) }
        ?? request.failure("apt-get ended with \(code):\n\(log.tail)")
    }
    return shared
  }

  private static func isSetting(_ entry: Entry) -> Bool {
    let path = "\(entry.path)"
    // What is written through a symlink could become a program or a setting.
    switch entry.kind {
    case .file, .directory: break
    default: guard entry.isWhiteout else { return false }
    }
    return settings.contains { setting in
      path == setting || path.hasPrefix(setting + "/") || entry.kind == .directory && setting.hasPrefix(path + "/")
    }
  }

  func failure(_ stop: Stop, _ log: AptLog) -> OverlayError {
    switch stop {
    case .noApt: return request.failure("the base image has no apt-get, which installs packages")
    case .update:
      let expired = log.text.contains("is expired") || log.text.contains("is not valid yet")
      let network = "Is the network there? With the packages in the cache and the lock as it was, a build needs none."
      let remedy =
        expired
        ? "For a snapshot of an archive, write [check-valid-until=no] behind \"deb\"."
        : log.wasFull ? nil : network
      let error = request.failure(
        "the package lists cannot be fetched:\n\(log.errors)", request.archives.first?.place)
      return OverlayError(error.message, remedy: remedy)
    }
  }
}
