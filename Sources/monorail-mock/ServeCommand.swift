import ArgumentParser
import Foundation
import JSONDocument
import Logging
import MockMonorail
import MonorailStore
import MonorailProtocol
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve the task API, boot profiles, templates, files and images until SIGINT or SIGTERM.",
    discussion: """
      EXAMPLES
        Hand every node that comes one task set, and keep the reports:
          monorail-mock serve --task-set discovery.json --results results

        Push more work while it runs:
          curl -d '{"tasks": [{"cmd": "uname -a"}]}' \\
            http://127.0.0.1:9080/api/current/nodes/NODE/workflows

        Refuse the first two reports, then see whether they come again:
          monorail-mock serve --task-set t.json --fault 'POST /api/*/tasks/* status=503 x2'

        Boot nodes over the network, and keep what they log:
          monorail-mock serve --boot-dir dist --syslog-port 5514 --results results

      FAULTS are written '[METHOD] PATH KIND[=VALUE] [xTIMES]'; a * in PATH stands for any run of
      characters. KIND is one of
      \(Fault.kinds.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))

      Open the server's address in a browser to see the nodes and their last reports.
      """)

  @Option(help: "The address to listen at. Anyone who reaches it can push commands to the nodes.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen at; 0 takes any that is free.")
  var port = 9080

  @Option(help: "Write the port to this file once the server listens; for scripts.", completion: .file())
  var portFile: String?

  @OptionGroup(title: "Network boot")
  var boot: BootArguments

  @Option(
    help: ArgumentHelp(
      "Take syslog over UDP at this port, and tell nodes so; 0 takes any that is free (default: do not).",
      valueName: "port"))
  var syslogPort: Int?

  @Option(help: "Write the syslog port to this file once the server listens; for scripts.", completion: .file())
  var syslogPortFile: String?

  @Option(
    help: "Write each report to DIR/<node>/<sequence>.json, and syslog to DIR/<node>/syslog.log.",
    completion: .directory)
  var results: String?

  @Option(help: "What files/ serves and takes (default: a temporary directory).", completion: .directory)
  var files: String?

  @Option(help: "What is served at /; nothing by default.", completion: .directory)
  var `static`: String?

  @Option(
    help: "What templates/ renders (default: templates in --data, else a temporary directory).",
    completion: .directory)
  var templates: String?

  @OptionGroup(title: "Workflows and what is kept")
  var keeping: KeepingArguments

  @Option(
    name: .customLong("obm-program"),
    help: ArgumentHelp(
      "A program that command-obm-service may run for nodes, by this name; may be repeated.", valueName: "name=file"))
  var obmPrograms: [String] = []

  @Option(
    name: .customLong("task-set"),
    help: ArgumentHelp(
      "A task set that every node gets when it appears; may be repeated. <%=api.files%> and such are filled in.",
      valueName: "file"), completion: .file(extensions: ["json"]))
  var taskSets: [String] = []

  @Option(
    name: .customLong("node"),
    help: ArgumentHelp("A node that is known from the start; may be repeated.", valueName: "mac[=id]"))
  var nodes: [String] = []

  @Flag(help: "Answer 404 to nodes that no --node names (default: a node appears when it first asks).")
  var knownOnly = false

  @Option(help: ArgumentHelp("How long a poll waits for work before its 404, in seconds.", valueName: "seconds"))
  var idleHold = 1.0

  @Option(
    help: ArgumentHelp(
      "Serve this as bootstrap.js, with <%=server%>, <%=port%>, <%=identifier%> (default: a short one).",
      valueName: "file"), completion: .file())
  var bootstrapTemplate: String?

  @Option(
    help: ArgumentHelp("The host that nodes are told to poll (default: what the node itself used).", valueName: "host"))
  var advertiseServer: String?

  @Option(
    help: ArgumentHelp("The port that nodes are told to poll (default: what the node itself used).", valueName: "port"))
  var advertisePort: Int?

  @Option(help: ArgumentHelp("Serve HTTPS with this PEM certificate chain.", valueName: "file"), completion: .file())
  var tlsCertificate: String?

  @Option(help: ArgumentHelp("The PEM key of --tls-certificate.", valueName: "file"), completion: .file())
  var tlsKey: String?

  @Option(help: "The longest report taken, in bytes; a longer one gets 413.")
  var maxReport = 50 * 1024 * 1024

  @Option(name: .customLong("fault"), help: "Something to go wrong; see FAULTS. May be repeated.")
  var faultTexts: [String] = []

  @Option(
    name: .customLong("faults"),
    help: ArgumentHelp("A JSON list of faults, as POST /mock/faults takes them.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var faultsFile: String?

  @Option(
    help: ArgumentHelp("How long a connection without a request stays open, in seconds.", valueName: "seconds"))
  var idleTimeout = 60

  @Option(
    help: ArgumentHelp(
      "Write events to this open descriptor, a line of JSON each; for programs. docs/mock.md lists them.",
      valueName: "number"))
  var eventsFd: Int32?

  @Option(help: ArgumentHelp("End with 0 once so many reports have been accepted.", valueName: "n"))
  var exitAfterReports: Int?

  func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port \(port) is not a port: give 0 to 65535") }
    guard (0...65535).contains(syslogPort ?? 0) else {
      throw ValidationError("--syslog-port \(syslogPort ?? 0) is not a port: give 0 to 65535")
    }
    guard syslogPortFile == nil || syslogPort != nil else {
      throw ValidationError("--syslog-port-file needs --syslog-port: give the port, or 0")
    }
    guard boot.grubDir == nil || advertiseServer != nil else {
      throw ValidationError("--grub-dir needs --advertise-server: give the address that nodes reach this server by")
    }
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-certificate and --tls-key belong together: give both")
    }
    guard idleHold >= 0, idleHold <= 3600 else { throw ValidationError("--idle-hold is 0 to 3600 seconds") }
    guard (1...86_400).contains(idleTimeout) else { throw ValidationError("--idle-timeout is 1 to 86400 seconds") }
    if let eventsFd, !EventWriter.isUsable(eventsFd) {
      throw ValidationError("--events-fd \(eventsFd) is not open for writing: in a shell, add \(eventsFd)>FILE")
    }
    if let exitAfterReports, exitAfterReports < 1 { throw ValidationError("--exit-after-reports is 1 or more") }
  }

  func run() async throws {
    Self.raiseDescriptorLimit()
    var configuration = try configuration()
    let (nodes, faults) = (try parsedNodes(), try parsedFaults())
    let stopped = Self.firstSignal(of: await UnixSignalsSequence(trapping: .sigterm, .sigint))
    let state: MonorailState
    let mock: MockMonorail
    do {
      state = MonorailState(try keeping.state())
      configuration.discoveryGraph = try keeping.discoveryGraph(
        hasTaskSets: !taskSets.isEmpty, in: state.server.store.library)
      let store = state.server.store
      configuration.filesDirectory = configuration.filesDirectory ?? store.filesDirectory
      configuration.templatesDirectory = configuration.templatesDirectory ?? store.templatesDirectory
      for (address, id) in nodes { try state.server.addNode(address: address, id: id) }
      for fault in faults { state.inject(fault) }
      mock = try await MockMonorail.start(configuration, state: state)
    } catch let error as MockMonorail.StartError {
      throw Self.failure(error)
    } catch let error as StoreError {
      throw Self.failure(error)
    }
    for (file, port) in [(syslogPortFile, mock.syslogPort), (portFile, mock.port)] {
      guard let file, let port else { continue }
      try Data("\(port)\n".utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
    }
    print("monorail-mock listens at \(mock.baseURL)")
    if let port = mock.syslogPort { print("monorail-mock takes syslog at UDP \(host):\(port)") }
    fflush(nil)
    let earlier = state.nodes.reduce(0) { $0 + $1.reports }
    let wantsReports = exitAfterReports.map { $0 + earlier }
    let (store, days, events) = (state.server.store, keeping.keep, configuration.events)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in stopped {} }
      group.addTask {
        guard let wantsReports else { return await untilCancelled() }
        try? await state.waitForReports(wantsReports, timeout: .seconds(1_000_000_000))
      }
      group.addTask { await Self.prune(store, days, events) }
      await group.next()
      group.cancelAll()
    }
    await mock.finish()
    do { try state.server.close() } catch { throw Self.failure(error) }
  }

  private static func failure(_ error: any Error) -> ExitCode {
    FileHandle.standardError.write(Data("monorail-mock: \(error)\n".utf8))
    return .failure
  }

  /// How long the server may take to stop after a signal, in seconds.
  private static let longestStop = 10.0

  /// Returns a stream that ends at the first signal.
  ///
  /// The process ends at the second signal, or when it has not stopped in time. Nothing is lost then: what the server has
  /// acknowledged is on the disk.
  private static func firstSignal(of signals: UnixSignalsSequence) -> AsyncStream<Void> {
    let (stream, source) = AsyncStream<Void>.makeStream()
    Task {
      var isStopping = false
      for await _ in signals {
        if isStopping { _exit(0) }
        isStopping = true
        // Not by a task: the threads of tasks may be what is held up.
        DispatchQueue.global().asyncAfter(deadline: .now() + longestStop) { _exit(0) }
        source.finish()
      }
    }
    return stream
  }

  /// Removes what is old, now and once a day, until the task is cancelled.
  private static func prune(_ store: Store, _ days: Int?, _ tell: (@Sendable (ServerEvent) -> Void)?) async {
    guard let days else { return await untilCancelled() }
    while !Task.isCancelled {
      do {
        _ = try await store.prune(keepDays: days)
      } catch {
        tell?(.problem("what is old cannot be removed: \(error)"))
      }
      try? await Task.sleep(for: .seconds(86_400))
    }
  }

  /// Allows as many descriptors as the system lets this process have: a rack of nodes needs one or two each.
  private static func raiseDescriptorLimit() {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
    // Some systems allow a billion; programs that this one runs look at each.
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
    setrlimit(resource, &limit)
  }

  private func configuration() throws -> MockConfiguration {
    var configuration = MockConfiguration()
    configuration.host = host
    configuration.port = port
    configuration.advertisedServer = advertiseServer
    configuration.advertisedPort = advertisePort
    configuration.registersUnknownNodes = !knownOnly
    configuration.idleHold = .milliseconds(Int(idleHold * 1000))
    configuration.maximumReportBytes = maxReport
    configuration.resultsDirectory = try results.map { try Self.directory($0, create: true) }
    configuration.filesDirectory = try files.map { try Self.directory($0, create: true) }
    configuration.templatesDirectory = try templates.map { try Self.directory($0, create: true) }
    configuration.workflowsDirectory = try keeping.workflows.map { try Self.directory($0) }
    configuration.bootDirectory = try boot.bootDir.map { try Self.directory($0) }
    configuration.boot = boot.options
    configuration.grubDirectory = boot.grubDir
    configuration.imageServer = boot.imageServer.map { String($0.reversed().drop { $0 == "/" }.reversed()) }
    configuration.syslogPort = syslogPort
    configuration.staticDirectory = try `static`.map { try Self.directory($0) }
    configuration.management.programs = try parsedPrograms()
    configuration.taskSetsForNewNodes = try taskSets.map { file in
      let text = try Self.text(file, "a task set")
      do { _ = try TaskSet(parsing: Array(text.utf8)) } catch {
        throw ValidationError.cannotUse(file, as: "a task set", error)
      }
      return text
    }
    configuration.bootstrapTemplate = try bootstrapTemplate.map { try Self.text($0, "a bootstrap template") }
    configuration.certificateFile = tlsCertificate
    configuration.privateKeyFile = tlsKey
    configuration.idleTimeout = .seconds(idleTimeout)
    configuration.events = eventsFd.map { descriptor in
      let writer = EventWriter(descriptor)
      return { writer.write($0) }
    }
    configuration.logger = Logger(label: "monorail-mock") { StreamLogHandler.standardError(label: $0) }
    return configuration
  }

  private func parsedNodes() throws -> [(MACAddress, String?)] {
    try nodes.map { text in
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard let address = parts.first.flatMap({ MACAddress($0) }) else {
        throw ValidationError("--node \(text): expected a MAC address, as in 00:1e:67:98:bc:7e or 00:1e:67:98:bc:7e=n1")
      }
      return (address, parts.count > 1 ? parts[1] : nil)
    }
  }

  private func parsedPrograms() throws -> [String: String] {
    var programs: [String: String] = [:]
    for text in obmPrograms {
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw ValidationError("--obm-program \(text): expected NAME=FILE") }
      guard FileManager.default.isExecutableFile(atPath: parts[1]) else {
        throw ValidationError("--obm-program \(text): \(parts[1]) is not a file that can be run")
      }
      guard programs.updateValue(parts[1], forKey: parts[0]) == nil else {
        throw ValidationError("--obm-program names \(parts[0]) twice")
      }
    }
    return programs
  }

  private func parsedFaults() throws -> [Fault] {
    do {
      var faults = try faultTexts.map { try Fault(parsing: $0) }
      if let faultsFile {
        let document = try JSON(parsing: Self.text(faultsFile, "a list of faults"))
        faults += try (document.arrayValue ?? [document]).map { try Fault($0) }
      }
      return faults
    } catch let error as Fault.Problem {
      throw ValidationError(error.description)
    } catch let error as JSONParseError {
      throw ValidationError("cannot use \(faultsFile ?? "") as a list of faults: \(error)")
    }
  }

  private static func text(_ file: String, _ what: String) throws -> String {
    do {
      return try String(contentsOfFile: file, encoding: .utf8)
    } catch {
      throw ValidationError.cannotUse(file, as: what, error)
    }
  }

  private static func directory(_ path: String, create: Bool = false) throws -> String {
    if create { try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      throw ValidationError("there is no directory \(path)" + (create ? ", and it cannot be made" : ""))
    }
    return path
  }
}

/// Waits for cancellation.
private func untilCancelled() async {
  let (stream, source) = AsyncStream<Void>.makeStream()
  defer { source.finish() }
  for await _ in stream {}
}
