import ArgumentParser
import JSONDocument
import Overlay

struct PublishCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish",
    abstract: "Check an overlay, then put it where nodes fetch it.",
    discussion: """
      Copies the archive to ROOT/DIR, with its digest in a file beside it
      (NAME.sha256, as sha256sum writes it), and prints what to give to nodes and
      workflows. An archive with errors (see verify) is not published. --ignore
      accepts one finding that you have looked at; --force accepts all.

      An archive that is there under the name is replaced as a whole: a node that
      fetches it meanwhile gets all of the old one or all of the new one, and never
      the digest of the other. When the program is killed, the old archive stays.
      When it is killed between replacing the archive and its digest, there is no
      digest until you publish again.

      PRINTS, for the kernel's command line and for RackHD's bootstrap task:
        OVERLAYFS=http://172.31.128.1:9080/common/x.overlay.cpio.gz
        OVERLAYFS_SHA256=9f86d0…
        "overlayfsFile": "x.overlay.cpio.gz",
        "kargs": {"OVERLAYFS_SHA256": "9f86d0…"}
      The task makes the URL of overlayfsFile; with another --dir than common, the
      option is overlayfsUri.

      EXAMPLE
        monorail-overlay publish dist/discovery.overlay.cpio.gz \\
          --base dist/base.squashfs.img --server 10.1.1.1:9080

      \(ExitCodes.help)
      """)

  @Argument(help: "The archive.", completion: .file())
  var archive: String

  @Option(help: "What the web server serves as /.", completion: .directory)
  var root = "/opt/monorail/static/http"

  @Option(name: .customLong("dir"), help: "Where in it; made when it is not there.")
  var directory = "common"

  @Option(
    help: ArgumentHelp(
      "How nodes reach that web server, for the URL; the default is RackHD's own.", valueName: "host:port"))
  var server = Self.defaultServer

  @Flag(help: "Publish although there are errors.")
  var force = false

  @OptionGroup var options: VerificationOptions

  @Flag(help: "Print JSON: verification (as verify --json), published, and what is published.")
  var json = false

  private static let defaultServer = "172.31.128.1:9080"

  func validate() throws {
    do { _ = try WebServerAddress(server) } catch {
      throw ValidationError("--server \(server): \(error.description)")
    }
    do { _ = try OverlayPath(directory) } catch {
      throw ValidationError("--dir \(directory): \(error.description); give a directory below --root")
    }
  }

  func run() throws {
    var publisher = Publisher(root: root, directory: try OverlayPath(directory))
    let progress = ProgressBar("publishing \(archive)")
    publisher.progress = progress.show
    var verification: Verification?
    let publication: Publication?
    do {
      defer { progress.clear() }
      publication = try publisher.publish(archive) { () throws(OverlayError) in
        let result = try options.verify(archive)
        verification = result
        if !json { for line in result.lines { Terminal.say(line) } }
        return result.errors == 0 || force
      }
    }
    let output = StandardOutput()
    let address = try WebServerAddress(server)
    if json {
      try output.write(describe(publication, on: address, verification).prettyText)
    } else if let publication {
      try output.write(text(publication, on: address))
    }
    try output.finish()
    guard publication == nil else { return }
    if !json {
      Terminal.say(
        "\(archive) is not published: correct the errors, accept single ones with --ignore, or all with --force")
    }
    throw ExitCodes.findings
  }

  private func text(_ publication: Publication, on address: WebServerAddress) -> String {
    let before =
      switch publication.replaced {
      case nil: "is new"
      case _ where publication.isUnchanged: "was published already, the same"
      case let old?: "replaces one of \(old.size) bytes, sha256 \(old.digest)"
      }
    let parameters = publication.parameters(server: address).map { "\($0.name)=\($0.value)\n" }.joined()
    let note =
      server == Self.defaultServer
      ? "(\(server) is where RackHD listens by default; --server says where yours does.)\n" : ""
    let option = publication.bootstrapOption
    return """
      \(publication.path) (\(publication.size) bytes) \(before)

      Kernel's command line:
      \(parameters)\(note)
      Options of the bootstrap task in a RackHD workflow:
      "\(option.name)": "\(option.value)",
      "kargs": {"OVERLAYFS_SHA256": "\(publication.digest)"}

      """
  }

  private func describe(
    _ publication: Publication?, on address: WebServerAddress, _ verification: Verification?
  ) -> JSON {
    var object = JSONObject()
    object["published"] = .bool(publication != nil)
    if let publication {
      object["path"] = .string(publication.path)
      object["size"] = .integer(publication.size)
      object["sha256"] = .string(publication.digest)
      object["unchanged"] = .bool(publication.isUnchanged)
      object["replaced"] =
        publication.replaced.map { ["size": .integer($0.size), "sha256": .string($0.digest)] } ?? .null
      for (name, value) in publication.parameters(server: address) { object[name] = .string(value) }
      let option = publication.bootstrapOption
      object["options"] = .object(
        JSONObject([(option.name, .string(option.value)), ("kargs", ["OVERLAYFS_SHA256": .string(publication.digest)])])
      )
    }
    if let verification { object["verification"] = verification.json }
    return .object(object)
  }
}

extension JSONObject {
  fileprivate init(_ members: [(String, JSON)]) {
    self.init()
    for (key, value) in members { self[key] = value }
  }
}
