@_exported import Faults
@_exported import MonorailServer
@_exported import MonorailStore

/// A monorail server for tests and developers: the protocol that nodes speak, and faults on demand.
///
///     let mock = try await MockMonorail.start()
///     mock.addNode(mac: "00:1e:67:98:bc:7e", id: "n1")
///     try mock.push(taskSetText: #"{"tasks": [{"cmd": "true"}]}"#, to: "n1")
///     // … start an agent with mock.baseURL …
///     let report = try await mock.nextReport(from: "n1")
///     await mock.stop()
public final class MockMonorail: Sendable {
  public typealias StartError = MonorailServer.StartError

  /// What the server knows. It may outlive this server: see `start(_:state:)`.
  public let state: MonorailState
  let server: MonorailServer

  /// Starts a server; when this returns, it accepts connections.
  ///
  /// - Parameter state: what it knows already. Give it the state of a stopped server (and the same port in the
  ///   configuration) to have that server come back.
  /// - Throws: `StartError`, when the address is in use, or a file or directory cannot be read.
  public static func start(
    _ configuration: MockConfiguration = MockConfiguration(), state: MonorailState = MonorailState()
  ) async throws -> MockMonorail {
    let faults = ServerExtension(
      middleware: { $0.add(middleware: FaultMiddleware(state.faultList, exemptPrefix: "/mock/")) },
      routes: { FaultRoutes(faults: state.faultList).add(to: $0) })
    let server = try await MonorailServer.start(
      configuration, state: state.server, journal: state.journal, adding: faults)
    return MockMonorail(server, state)
  }

  private init(_ server: MonorailServer, _ state: MonorailState) { (self.server, self.state) = (server, state) }

  public var configuration: MockConfiguration { server.configuration }

  /// The port that it listens at.
  public var port: Int { server.port }

  /// `http://127.0.0.1:41234`, without a final slash.
  public var baseURL: String { server.baseURL }

  /// The UDP port that it takes syslog at, if it does.
  public var syslogPort: Int? { server.syslogPort }

  /// Stops listening and closes every connection at once, requests in flight included, as a server that dies does.
  /// When this returns, its port is free.
  public func stop() async { await server.stop() }

  /// Stops listening, lets the requests in flight end, and then stops.
  ///
  /// - Parameter grace: how long they may take.
  public func finish(grace: Duration = .seconds(2)) async { await server.finish(grace: grace) }
}

/// What a mock server serves, and from where.
public typealias MockConfiguration = ServerConfiguration
