import JSONDocument
import MonorailStore
import Workflows

/// What nodes boot: the values of every profile, whichever program boots by it.
struct BootProfiles: Sendable {
  let backend: Backend
  /// What is served under `/common/`; `nil` when there is nothing to boot.
  let directory: StaticFiles?

  struct Profile: Equatable {
    let files: BootFiles
    let arguments: String
  }

  /// - Parameter bootInterface: the address of the NIC that the node boots from, for `BOOTIF`.
  func profile(
    _ options: BootOptions, server: AdvertisedServer, bootInterface: String
  ) throws(BootFiles.Missing) -> Profile {
    let files = try files(options)
    let arguments = KernelArguments(
      files, options, server: server, syslogPort: backend.syslogPort, bootInterface: bootInterface)
    if let problem = arguments.problem { throw BootFiles.Missing(problems: [problem]) }
    return Profile(files: files, arguments: arguments.text)
  }

  /// What the node boots: what the server was started with, and over it what a graph's running task, or a task set pushed
  /// by hand, says.
  func options(of node: KnownNode, _ server: AdvertisedServer) throws -> BootOptions {
    let boot = backend.configuration.boot
    for run in backend.state.store.liveRuns(of: node.id) {
      guard let options = run.bootOptions else { continue }
      // The client who started the run may have reached this server by another address than the node does.
      let fileServer = run.plan.scope.fileServer(context: run.plan.context)
      return boot.overridden(
        by: options.filtered { !isDefaultURI($0, options, fileServer) && !isOwnDefault($0) },
        servers: [fileServer, server.url])
    }
    let queued = node.queued == 0 ? nil : try backend.state.store.queuedTaskSets(of: node.id).first
    // What a graph's task says to boot counts while that task runs, which is above.
    guard let options = queued?.options ?? (node.options["profile"] == nil ? node.options : nil) else { return boot }
    return boot.overridden(by: options, servers: [server.url])
  }

  /// Whether the option is a URI that the bootstrap task has made of its file's name: then the name counts. The template
  /// gives the server alone when the names are a list.
  private func isDefaultURI(_ option: JSONObject.Member, _ options: JSONObject, _ fileServer: String) -> Bool {
    guard ["kernelUri", "initrdUri", "basefsUri", "overlayfsUri"].contains(option.key) else { return false }
    let file = options[String(option.key.dropLast("Uri".count)) + "File"]?.stringValue
    return option.value.stringValue == fileServer + (file.map { "/common/" + $0 } ?? "")
  }

  /// Whether the option has the value that the program's own definition gives it, with the stock server's names of files:
  /// then what the server was started with counts.
  private func isOwnDefault(_ option: JSONObject.Member) -> Bool {
    ServerState.stockDefinitions.tasks["Task.Linux.Bootstrap.Ubuntu"]?["options"]?[option.key] == option.value
  }

  private func files(_ options: BootOptions) throws(BootFiles.Missing) -> BootFiles {
    guard let directory else {
      throw BootFiles.Missing(problems: ["the server has nothing to boot: start monorail-mock serve with --boot-dir"])
    }
    do throws(BootFiles.Missing) {
      return try BootFiles(options, in: directory)
    } catch {
      throw BootFiles.Missing(
        problems: ["there is no \(error.problems.joined(separator: ", no ")) in \(directory.root) at the server"])
    }
  }
}

/// The kernel command line that the stock server's profile gives, and `boot=monorail`.
struct KernelArguments: Equatable {
  let text: String

  init(
    _ files: BootFiles, _ options: BootOptions, server: AdvertisedServer, syslogPort: Int?, bootInterface: String
  ) {
    var words: [String] = []
    if let syslogPort { words.append("SYSLOGSERVER=\(server.host)" + (syslogPort == 514 ? "" : ":\(syslogPort)")) }
    // The stock server never gives HTTPS here, so there is no form for it but a URL, which the agent takes.
    words.append("API_CB=" + (server.url.hasPrefix("https:") ? server.url : "\(server.host):\(server.port)"))
    words.append("BASEFS=" + BootFiles.url(of: files.base, server))
    words.append("OVERLAYFS=" + files.overlays.map { BootFiles.url(of: $0, server) }.joined(separator: ","))
    if let digest = files.baseDigest { words.append("BASEFS_SHA256=" + digest) }
    if let digests = files.overlayDigests { words.append("OVERLAYFS_SHA256=" + digests.joined(separator: ",")) }
    words.append("BOOTIF=01-\(bootInterface)")
    words.append("console=tty0 console=\(options.console) boot=monorail")
    if !options.kernelArguments.isEmpty { words.append(options.kernelArguments) }
    text = words.joined(separator: " ")
  }

  /// Why a kernel would not take it; `nil` when it would.
  var problem: String? {
    if text.utf8.contains(where: { $0 < 0x20 || $0 >= 0x7F }) {
      return "the kernel command line must be ASCII on one line"
    }
    // COMMAND_LINE_SIZE of x86 is 2048. The 100 bytes are for the final NUL and for what iPXE puts in front.
    let count = text.utf8.count + 100
    return count < 2048
      ? nil : "the kernel command line is too long: \(text.utf8.count) bytes, but the kernel takes about 1,900"
  }
}

extension GraphRun {
  /// The options of the running task that boots the node.
  fileprivate var bootOptions: JSONObject? {
    profile == nil ? nil : tasks.first { $0.isRunning && $0.options["profile"] != nil }?.options
  }
}
