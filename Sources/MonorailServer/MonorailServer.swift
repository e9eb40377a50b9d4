import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import MonorailProtocol
import NIOCore
import ServiceLifecycle

/// What is added to a server: its middleware comes behind the journal and before everything else.
public struct ServerExtension: Sendable {
  let addMiddleware: @Sendable (Router<ServerContext>) -> Void
  let addRoutes: @Sendable (Router<ServerContext>) -> Void

  public init(
    middleware: @escaping @Sendable (Router<ServerContext>) -> Void = { _ in },
    routes: @escaping @Sendable (Router<ServerContext>) -> Void = { _ in }
  ) {
    (addMiddleware, addRoutes) = (middleware, routes)
  }
}

/// A monorail server: the task API, boot profiles, templates, files, images and syslog.
public final class MonorailServer: Sendable {
  public let configuration: ServerConfiguration
  /// The port that it listens at.
  public let port: Int
  /// Where `files/` keeps its files.
  public var filesDirectory: String { backend.files.directory }
  /// Where `templates/` keeps its templates.
  public var templatesDirectory: String { backend.templates.directory }

  private let backend: Backend
  private let listener: any Channel
  private let syslog: SyslogListener?
  private let services: ServiceGroup
  private let running: Task<Void, any Error>
  private let runner: RunDriver
  private let grubKeeper: Task<Void, Never>?

  /// Starts a server; when this returns, it accepts connections.
  ///
  /// - Parameters:
  ///   - state: what it knows already. Give it the state and the journal of a stopped server (and the same port in the
  ///     configuration) to have that server come back.
  /// - Throws: `StartError`, when the address is in use, or a file or directory cannot be read.
  public static func start(
    _ configuration: ServerConfiguration, state: ServerState = ServerState(),
    journal: RequestJournal = RequestJournal(), adding addition: ServerExtension = ServerExtension()
  ) async throws -> MonorailServer {
    let files = configuration.resultsDirectory.map {
      SyslogFiles(directory: $0, maximumBytes: configuration.maximumSyslogBytes)
    }
    var syslog: SyslogListener?
    if let port = configuration.syslogPort {
      syslog = try await SyslogListener.start(
        host: configuration.host, port: port, state: state, files: files, tell: configuration.tell)
    }
    do {
      return try await start(configuration, state, journal, addition, syslog)
    } catch {
      await syslog?.stop()
      throw error
    }
  }

  private static func start(
    _ configuration: ServerConfiguration, _ state: ServerState, _ journal: RequestJournal,
    _ addition: ServerExtension, _ syslog: SyslogListener?
  ) async throws -> MonorailServer {
    // What an earlier server was asked for goes on, or fails its task.
    try state.store.resumeActions()
    let backend = try Backend(configuration, state, journal, syslogPort: syslog?.port)
    let boot = try configuration.bootDirectory.map { try StaticFiles($0, prefix: "/common") }
    let profiles = BootProfiles(backend: backend, directory: boot)
    let router = try Self.router(backend, profiles, journal, addition)
    let (listening, listener) = AsyncStream<any Channel>.makeStream()
    let application = Application(
      router: router, server: try server(backend),
      configuration: .init(
        address: .hostname(configuration.host, port: configuration.port), serverName: "monorail-mock",
        // Above the number from which on idle ones are closed. When all are busy, new ones wait in the kernel's queue.
        availableConnectionsDelegate: MaximumAvailableConnections(
          backend.connections.maximum + 4, logger: Logger(label: "", factory: { _ in SwiftLogNoOpLogHandler() }))),
      onServerRunning: { listener.yield($0) }, logger: Logger(label: "", factory: { _ in SwiftLogNoOpLogHandler() }))
    let services = ServiceGroup(services: [application], logger: application.logger)
    let running = Task {
      defer { listener.finish() }
      try await services.run()
    }
    guard let channel = await listening.first(where: { _ in true }), let port = channel.localAddress?.port else {
      let cause = await running.result.failure
      throw StartError("cannot listen at \(configuration.host):\(configuration.port)\(StartError.reason(cause))")
    }
    let grubKeeper: Task<Void, Never>?
    do {
      grubKeeper = try Self.keepGRUBDirectory(profiles, port: port)
    } catch {
      running.cancel()
      _ = await running.result
      throw error
    }
    let server = MonorailServer(
      configuration: configuration, port: port, backend: backend, listener: channel, syslog: syslog,
      services: services, running: running, runner: RunDriver(backend), grubKeeper: grubKeeper)
    configuration.tell(.listening(url: server.baseURL, port: port, syslogPort: server.syslogPort))
    return server
  }

  private init(
    configuration: ServerConfiguration, port: Int, backend: Backend, listener: any Channel, syslog: SyslogListener?,
    services: ServiceGroup, running: Task<Void, any Error>, runner: RunDriver, grubKeeper: Task<Void, Never>?
  ) {
    (self.runner, self.grubKeeper) = (runner, grubKeeper)
    (self.configuration, self.port, self.backend) = (configuration, port, backend)
    (self.listener, self.syslog, self.services, self.running) = (listener, syslog, services, running)
  }

  /// `http://127.0.0.1:41234`, without a final slash.
  public var baseURL: String {
    let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
    return "\(configuration.certificateFile == nil ? "http" : "https")://\(host):\(port)"
  }

  /// The UDP port that it takes syslog at, if it does.
  public var syslogPort: Int? { syslog?.port }

  /// Stops listening and closes every connection at once, requests in flight included, as a server that dies does.
  /// Programs that it runs for nodes are killed. When this returns, its port is free.
  public func stop() async {
    grubKeeper?.cancel()
    await runner.stop()
    try? await listener.close(mode: .all).get()
    await backend.connections.stop()
    await syslog?.stop()
    running.cancel()
    _ = await running.result
  }

  /// Stops listening, lets the requests in flight end, and then stops.
  ///
  /// - Parameter grace: how long they may take.
  public func finish(grace: Duration = .seconds(2)) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [runner, services, syslog, running, grubKeeper] in
        grubKeeper?.cancel()
        await runner.stop()
        await services.triggerGracefulShutdown()
        _ = await running.result
        await syslog?.stop()
      }
      group.addTask { [self] in
        try? await Task.sleep(for: grace)
        await stop()
      }
      await group.next()
      group.cancelAll()
    }
  }

  /// Why a server could not be started.
  public struct StartError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }

    static func reason(_ cause: (any Error)?) -> String {
      guard let error = cause as? IOError else { return cause.map { ": \($0)" } ?? "" }
      switch error.errnoCode {
      case EADDRINUSE: return ": something listens there already; take another port, or 0 for any that is free"
      case EACCES: return ": not permitted; take a port from 1024 on"
      case EADDRNOTAVAIL: return ": this machine does not have that address"
      default: return ": \(error)"
      }
    }
  }
}

extension MonorailServer {
  private static func router(
    _ backend: Backend, _ profiles: BootProfiles, _ journal: RequestJournal, _ addition: ServerExtension
  ) throws -> Router<ServerContext> {
    let router = Router(context: ServerContext.self)
    router.add(middleware: ConnectionMiddleware(connections: backend.connections))
    router.add(middleware: JournalMiddleware(journal: journal, state: backend.state, tell: backend.tell))
    addition.addMiddleware(router)
    router.add(middleware: ErrorMiddleware())
    if let boot = profiles.directory { router.add(middleware: boot) }
    if let directory = backend.configuration.staticDirectory {
      router.add(middleware: try StaticFiles(directory))
    }
    for version in APIPath.versions {
      let group = router.group("api/\(version)")
      ProfileRoutes(backend: backend, profiles: profiles).add(to: group)
      TaskRoutes(backend: backend).add(to: group)
      TemplateRoutes(backend: backend).add(to: group)
      FileRoutes(files: backend.files, store: backend.state.store).add(to: group)
      NodeRoutes(backend: backend).add(to: group)
      NodeWorkflowRoutes(backend: backend).add(to: group)
      WorkflowRoutes(backend: backend).add(to: group)
      DefinitionRoutes(state: backend.state).add(to: group)
      RuleSetRoutes(backend: backend).add(to: group)
      CatalogRoutes(state: backend.state).add(to: group)
      LookupRoutes(store: backend.state.store).add(to: group)
      ManagementRoutes(backend: backend).add(to: group)
    }
    SyslogRoutes(state: backend.state).add(to: router)
    addition.addRoutes(router)
    let page = try StatusPage(backend.state)
    router.get("/") { _, _ in page.response }
    return router
  }

  /// Writes GRUB's profiles, where the configuration wants them, and keeps them up to date until the task is cancelled.
  private static func keepGRUBDirectory(_ profiles: BootProfiles, port: Int) throws -> Task<Void, Never>? {
    let configuration = profiles.backend.configuration
    guard let directory = configuration.grubDirectory else { return nil }
    guard let server = AdvertisedServer(configuration, port: port) else {
      throw StartError("GRUB's profiles name this server, so they need the address that nodes reach it by")
    }
    let grub = try GRUBDirectory(directory, profiles, server)
    return Task {
      var grub = grub
      await grub.keep()
    }
  }

  private static func server(_ backend: Backend) throws -> HTTPServerBuilder {
    let connections = backend.connections
    let plain = HTTPServerBuilder.http1(
      configuration: .init(
        additionalChannelHandlers: [ConnectionHandler(connections)],
        idleTimeout: .init(backend.configuration.idleTimeout)))
    guard let certificate = backend.configuration.certificateFile else { return plain }
    guard let key = backend.configuration.privateKeyFile else {
      throw StartError("a certificate (\(certificate)) needs its private key")
    }
    do {
      return try .tls(
        plain,
        tlsConfiguration: .makeServerConfiguration(
          certificateChain: NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
          privateKey: .privateKey(NIOSSLPrivateKey(file: key, format: .pem))))
    } catch {
      throw StartError("cannot use the certificate \(certificate) with the key \(key): \(error)")
    }
  }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}
