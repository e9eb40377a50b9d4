import Overlay
import OverlayWorkspace
import Recipes

/// Installs a recipe's packages, with all that they depend on.
struct PackagesStep: BuildStep {
  let title = "packages"
  let needsWorkspace = true
  let place: Place

  private let recipe: Recipe
  private var packages: [Lock.Package] = []
  /// Where the recipe names `.deb` files, by their digests.
  private var files: [String: Place] = [:]

  /// - Returns: `nil` for a recipe without packages.
  init?(_ recipe: Recipe) {
    guard let first = recipe.packages.first else { return nil }
    (self.recipe, place) = (recipe, first.place)
  }

  var places: [Place] { [place] + recipe.packages.map(\.place) }

  mutating func prepare(_ overlay: any OverlayState, _ build: BuildContext) throws(OverlayError) {
    var request = PackageRequest(recipe, key: title, place: place, build)
    for package in recipe.packages { try request.add(package, build) }
    for file in request.files { files[file.value.sha256] = file.place }
    packages = try PackageResolver(request, build).packages(after: build.lock) {
      () throws(OverlayError) in try overlay.archive()
    }
  }

  func addInputs(to key: inout InputKey) throws(OverlayError) {
    key.add("documentation", recipe.keepsDocumentation ? "kept" : "dropped")
    key.add("requests", "\(recipe.packages.count)")
    for package in packages {
      key.add("package", "\(package.name) \(package.version) \(package.architecture) \(package.isRequested)")
      key.add("sha256", "\(package.sha256) \(package.size)")
    }
  }

  mutating func run(_ overlay: any OverlayState, _ build: BuildContext, to result: String) throws(OverlayError) {
    let others = packages.filter { !$0.isRequested }.map { "\($0.name):\($0.architecture)" }
    let installer = PackageInstaller(packages, key: title, place, build)
    let text = packages.isEmpty ? ":" : Self.script
    let options = recipe.keepsDocumentation ? [] : PackageInstaller.withoutDocumentation
    let arguments = [others.joined(separator: " ")] + options
    let code = try installer.run(text, arguments: arguments, in: try overlay.archive(), to: result)
    guard code == 0 else { throw OverlayError("\(place): \(title): the installation ended with \(code)") }
  }

  /// What maintainer scripts make at random when a package is installed: all nodes would have the same keys and names, and no
  /// two builds the same bytes.
  private static let secrets = [
    "/etc/ssh/ssh_host_*_key", "/etc/ssh/ssh_host_*_key.pub", "/etc/ssl/private/ssl-cert-snakeoil.key",
    "/etc/ssl/certs/ssl-cert-snakeoil.pem", "/var/lib/dbus/machine-id", "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret",
  ]

  /// `$1` has the packages that nobody asked for, each with its architecture; the others are options for apt-get.
  private static let script = """
    others=$1
    shift
    secrets() {
      for file in \(secrets.joined(separator: " ")); do
        if [ -e "$file" ] || [ -L "$file" ]; then echo "$file"; fi
      done
    }
    secrets >/run/monorail-secrets
    if [ -s /etc/machine-id ]; then echo there >/run/monorail-machine-id; fi
    # Packages expect them there, to put links to their manuals into them.
    sections=
    for section in 1 2 3 4 5 6 7 8; do
      [ -d "/usr/share/man/man$section" ] || sections="$sections $section"
      mkdir -p "/usr/share/man/man$section"
    done
    install_packages "$@"
    for section in $sections; do rmdir --ignore-fail-on-non-empty "/usr/share/man/man$section"; done

    # What only other packages need is marked so, as apt-get does it for those that it fetches itself.
    native=$(dpkg --print-architecture)
    set --
    for package in $others; do
      case ${package#*:} in
      all | "$native") package=${package%:*} ;;
      esac
      grep -qxF -e "$package" /run/monorail-manual || set -- "$@" "$package"
    done
    [ $# = 0 ] || apt-mark -q auto "$@" >/dev/null

    secrets | while read -r file; do
      grep -qxF -e "$file" /run/monorail-secrets || rm -f "$file"
    done
    # systemd fills an empty one at each boot.
    if [ -s /etc/machine-id ] && [ ! -s /run/monorail-machine-id ]; then : >/etc/machine-id; fi
    """

  func origins(of changed: [OverlayPath], in archive: String) throws(OverlayError) -> [OverlayPath: Origin] {
    var places: [String: Place] = [:]
    for package in recipe.packages {
      if case .named(let name, _) = package.value { places[String(name.prefix { $0 != ":" })] = package.place }
    }
    return try InstalledFiles(changed: Set(changed), packages: packages).owners(in: archive).mapValues { package in
      .package(
        files[package.sha256] ?? places[package.name] ?? place, name: package.name, version: package.version)
    }
  }
}
