import ArgumentParser
import Overlay
import OverlayBuild
import Recipes
import SystemFiles

struct BuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Make an overlay of a recipe: one file that says what is in it.",
    discussion: """
      A recipe is YAML:
        packages: [pciutils]
        files:
          - source: my-tool
            target: /usr/local/bin/my-tool
        commands:
          - ldconfig
      docs/recipes.md has every key with an example. The parts are done in this
      order: from, packages, download and files and links, modules, commands,
      services, hooks, remove; then the required files of "pack" are added, and
      "verify" looks for errors. With errors the old archive stays (--force writes
      the new one all the same).

      What was used is noted in a lock beside the recipe, NAME.lock: versions and
      digests. The next build uses the same, and adds what the recipe asks for
      besides. --locked uses nothing else, and gives the same bytes on another
      machine; --update takes what is newest, and prints what has changed.

      Beside the archive come ARCHIVE.spdx.json, a bill of materials (SPDX 2.3), and
      ARCHIVE.origins.json, which "explain" reads. Parts that have not changed come
      from a cache, which may be removed at any time.

      Packages, modules, commands and services need root. A recipe cannot read
      outside of its directory, and its commands have no network, but for what
      --allow names.

      EXAMPLES
        monorail-overlay build discovery.yaml --check
        sudo monorail-overlay build discovery.yaml --base base.squashfs.img \\
          -o dist/discovery.overlay.cpio.gz
        sudo monorail-overlay build debug.yaml --base base.squashfs.img -o dist \\
          --set key="$(cat ~/.ssh/id_ed25519.pub)" --locked

      \(ExitCodes.help)
      """)

  @Argument(help: "The recipe.", completion: .file(extensions: ["yaml", "yml"]))
  var recipe: String

  @Option(help: "The base image that the overlay is for, a squashfs.", completion: .file())
  var base: String?

  @Option(
    name: .shortAndLong,
    help: "The archive to write, or a directory; there it gets a name by the convention (default: here).",
    completion: .file())
  var output = "."

  @Flag(help: "Only look for mistakes in the recipe.")
  var check = false

  @Flag(help: "Use only what the lock has; what is not in it is an error.")
  var locked = false

  @Flag(help: "Use what is newest, and renew the lock.")
  var update = false

  @Option(help: "The lock (default: NAME.lock beside NAME.yaml).", completion: .file())
  var lock: String?

  @Option(
    help: ArgumentHelp(
      "Let the recipe read this file or directory; \"network\" lets its commands use the network. May be given several times.",
      valueName: "path|network"), completion: .file())
  var allow: [String] = []

  @Option(
    help: ArgumentHelp("Set a variable of the recipe; may be given several times.", valueName: "name=value"),
    transform: Self.variable)
  var set: [Variable] = []

  @Flag(help: "Write the overlay although verify finds errors.")
  var force = false

  @Option(help: "What the nodes are: x86_64 (amd64) or aarch64 (arm64).")
  var arch = MachineArchitecture.current

  @Option(help: "Where parts, packages and downloads are kept (default: in ~/.cache).", completion: .directory)
  var cache: String?

  @Option(help: "The most that is kept there after a build.")
  var cacheSize = ByteCount(10 << 30)

  @Option(help: "Keep what workspaces change in this directory, not in memory.", completion: .directory)
  var workDir: String?

  @Option(help: "The most memory for that: bytes, or with a K, M or G behind it (default: half the machine's).")
  var memory: ByteCount?

  @OptionGroup var required: RequiredFilesOptions
  @OptionGroup var limits: LimitOptions

  struct Variable {
    let name: String
    let value: String
  }

  private static func variable(_ text: String) throws -> Variable {
    guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
      throw ValidationError("give NAME=VALUE, as in --set site=lab1")
    }
    return Variable(name: String(text[..<equals]), value: String(text[text.index(after: equals)...]))
  }

  func validate() throws {
    guard !locked || !update else { throw ValidationError("--locked and --update contradict each other: give one") }
    guard check || base != nil else {
      throw ValidationError(
        "give --base IMAGE, the image that the overlay is for (or --check to look at the recipe only)")
    }
  }

  func run() throws {
    let recipes: RecipeSet
    do throws(Mistakes) {
      recipes = try RecipeSet(contentsOf: recipe, permissions: permissions, variables: variables)
    } catch {
      Terminal.show(error.description + "\n")
      throw check ? ExitCodes.findings : ExitCodes.failure
    }
    guard let base, !check else {
      Terminal.say("\(recipe): no mistakes")
      return
    }
    var options = BuildOptions(recipes: recipes, base: base, output: output, cache: try cacheDirectory())
    options.cacheSize = cacheSize.bytes
    if recipes.built.hasRequiredFiles { options.required = try required.files() }
    options.lockMode = locked ? .locked : update ? .update : .follow
    options.lockPath = lock
    options.isForced = force
    options.architecture = arch
    options.epoch = try TimeOptions.sourceDateEpoch()
    options.workDirectory = workDir
    options.memory = memory?.bytes
    options.limits = limits.limits
    options.environment = Surroundings.environment
    options.say = { Terminal.say($0) }
    let builder = try Builder(options)
    let summary = try builder.build { findings in
      for group in FindingGroup.groups(of: findings, isComplete: false) { Terminal.say(group.description) }
    }
    guard let summary else {
      Terminal.say(
        "\(output) was not written: correct the errors, accept single ones under \"ignore\" in the recipe, or all with --force"
      )
      throw ExitCodes.findings
    }
    if summary.isLockNew { Terminal.say("\(summary.lock) is new: keep it beside the recipe") }
    for line in summary.lockChanges where !summary.isLockNew { Terminal.say("\(summary.lock): \(line)") }
    Terminal.say(
      "\(summary.path): \(summary.size) bytes, sha256 \(summary.sha256)" + (summary.isUnchanged ? ", unchanged" : ""))
  }

  private var permissions: Permissions {
    var permissions = Permissions()
    permissions.hasNetwork = allow.contains("network")
    permissions.paths = allow.filter { $0 != "network" }
    return permissions
  }

  private var variables: [String: String] { Dictionary(set.map { ($0.name, $0.value) }) { $1 } }

  private func cacheDirectory() throws -> String {
    if let cache { return cache }
    let environment = Surroundings.environment
    if let directory = environment["XDG_CACHE_HOME"], directory.hasPrefix("/") {
      return directory + "/monorail-node/build"
    }
    guard let home = environment["HOME"], home.hasPrefix("/") else {
      throw ValidationError("there is no HOME in the environment to keep a cache in: give --cache DIR")
    }
    return home + "/.cache/monorail-node/build"
  }
}
