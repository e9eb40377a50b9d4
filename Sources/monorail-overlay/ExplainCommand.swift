import ArgumentParser
import JSONDocument
import Overlay
import OverlayBuild
import SystemFiles

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Tell where files of an overlay come from, and what they hide in the base image.",
    discussion: """
      For each path the line of "list", and below it who made the entry, what it
      replaced in the overlay (the newest first), and what it hides or removes:
        -rw-r--r--     0     0        120 2024-05-01 12:00:00 etc/motd
          from  discovery.yaml:12, files: motd
          before that  package base-files 12.4+deb12u5, for discovery.yaml:4
          hides  the base image's file of 286 bytes, mode 0644

      A path is one on the node, with or without the first slash. Symlinks on the way
      are followed, as far as the overlay or --base has them.

      "build" notes all of this in ARCHIVE.origins.json beside the archive. Without
      that file, or when it is about another archive, a warning says so. Then dpkg's
      lists in the archive tell the package of a file, and the required files of the
      checkout are compared; --base tells what is hidden.

      --json prints a list of objects: entry (as "list --json" prints it, with its
      sha256), asked (the path, when symlinks lead to the entry), from, replaced (a
      list), and hides (null for nothing, "unknown", or an object with type, mode,
      size, target, entries). from and each of replaced is an object with recipe,
      line, key and detail; with package, version, recipe and line; with required and
      same; with build for the root directory; or with nothing, when it is not known.

      EXAMPLES
        monorail-overlay explain discovery.overlay.cpio.gz /etc/motd
        monorail-overlay explain x.cpio.gz usr/bin/lspci /usr/sbin/ipmitool \\
          --base dist/base.squashfs.img

      \(ExitCodes.help)
      """)

  @Argument(help: "The archive.", completion: .file())
  var archive: String

  @Argument(help: "What to explain: paths on the node.")
  var paths: [String]

  @Option(help: "The squashfs image that the overlay is for; read with unsquashfs.", completion: .file())
  var base: String?

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var limits: LimitOptions

  func run() throws {
    let paths = try paths.map { (text) throws(OverlayError) in
      try OverlayPath(onNode: text, shown: "\"\(OverlayPath.printable(text.utf8))\"")
    }
    let explainer = try explainer()
    if let problem = explainer.problem { Terminal.warn(problem) }
    var explanations: [Explanation] = []
    var isComplete = true
    for path in paths {
      do throws(OverlayError) { explanations.append(try explainer.explain(path)) } catch {
        Terminal.say(error.description)
        isComplete = false
      }
    }
    let output = StandardOutput()
    if json {
      try output.write(JSON.array(explanations.map(\.json)).prettyText)
    } else {
      for explanation in explanations { try output.write(Self.text(explanation)) }
    }
    try output.finish()
    if !isComplete { throw ExitCodes.failure }
  }

  private func explainer() throws(OverlayError) -> Explainer {
    let image = try base.map { (path) throws(OverlayError) in try BaseImage(path) }
    let required = Checkout.directory.map {
      RequiredFiles(skeleton: "\($0)/overlay-skel", rcLocal: "\($0)/rc.local", agent: "\($0)/dist/monorail-agent")
    }
    let progress = ProgressBar("reading \(archive)")
    defer { progress.clear() }
    return try Explainer(archive, base: image, required: required, limits: limits.limits, progress: progress.show)
  }

  private static func text(_ explanation: Explanation) -> String {
    var text = ""
    if let reached = explanation.reached {
      text += "\(reached.from) is reached through the symlink \(reached.through)\n"
    }
    text += ListCommand.line(explanation.entry, linkedTo: nil)
    return text + explanation.lines.map { "  \($0)\n" }.joined()
  }
}

extension Explanation {
  fileprivate var json: JSON {
    var object = JSONObject()
    object["entry"] = entry.json(sha256: sha256)
    if let reached { object.set("asked", bytes: reached.from.archiveName) }
    object["from"] = source.json
    object["replaced"] = .array(replaced.map(\.json))
    switch hidden {
    case .nothing: object["hides"] = .null
    case .unknown: object["hides"] = "unknown"
    case .entry(let entry):
      var hidden = JSONObject()
      entry.write(to: &hidden)
      object["hides"] = .object(hidden)
    }
    return .object(object)
  }
}

extension Explanation.Source {
  fileprivate var json: JSON {
    switch self {
    case .origin(let origin): return origin.json
    case .package(let name, let version):
      return ["package": .string(name), "version": version.map { .string($0) } ?? .null]
    case .required(let source, let isSame):
      return ["required": .string(source), "same": isSame.map { .bool($0) } ?? .null]
    case .build: return ["build": true]
    case .unknown: return [:]
    }
  }
}
