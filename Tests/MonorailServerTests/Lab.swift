import Foundation
import JSONDocument
import MonorailStore
import Synchronization
import TestSupport

@testable import MonorailServer
@testable import Workflows

/// A server's state with a node `n1`, and programs of the lab that note how they are called.
struct Lab: Sendable {
  let state: ServerState
  let directory: TestSupport.ScratchDirectory
  var configuration = ManagementConfiguration()

  /// - Parameter store: its directory is set to one of the lab; `nil` keeps all in memory.
  init(_ store: StoreConfiguration? = nil) throws {
    directory = try TestSupport.ScratchDirectory()
    if var store {
      store.directory = directory("data")
      store.definitions = ServerState.stockDefinitions
      state = try ServerState(store)
    } else {
      state = ServerState()
    }
    try state.addNode(id: "n1")
    configuration.pause = .milliseconds(1)
  }

  var manager: NodeManager { NodeManager(configuration, state) }

  /// A shell script that appends its arguments to the file `calls`, and then runs this text.
  func script(_ name: String, _ text: String) throws -> String {
    try directory.write(
      "#!/bin/sh\necho \"$@\" >>'\(directory("calls"))'\ncd '\(directory.path)'\n\(text)\n", to: name + ".sh")
    return try ChildProcess.program(directory(name), from: directory(name + ".sh"))
  }

  var calls: [String] { directory.text(of: "calls").split(separator: "\n").map(String.init) }

  /// Gives the node the program as its `command-obm-service`.
  mutating func useProgram(_ text: String, _ config: JSON = [:]) throws {
    configuration.programs["power"] = try script("power", text)
    var config = config.objectValue ?? JSONObject()
    config["program"] = "power"
    try use("command-obm-service", .object(config))
  }

  func use(_ service: String, _ config: JSON) throws {
    try state.store.perform(
      .saveManagementSettings(node: "n1", service: service, config: config.objectValue ?? JSONObject()))
  }

  func perform(
    _ action: String, by service: String? = nil, retries: Int = 0, delay: Int = 1,
    while isWanted: @Sendable () -> Bool = { true }
  ) async -> RequestAnswer {
    await manager.perform(
      ManagementAction(action: action, service: service, retries: retries, delay: delay), on: "n1", while: isWanted)
  }

  /// The process of which a program has written the number to the file `child`.
  var child: pid_t? { pid_t(directory.text(of: "child").prefix { $0 != "\n" }) }

  /// A server with the node and the programs.
  func server(events: (@Sendable (ServerEvent) -> Void)? = nil) async throws -> MonorailServer {
    var configuration = ServerConfiguration()
    configuration.events = events
    configuration.management = self.configuration
    return try await MonorailServer.start(configuration, state: state)
  }

  /// Starts a run for the node.
  func start(_ graph: String, _ options: JSON) async throws -> String {
    try await state.store.start(
      StartRequest(
        graph: graph, node: "n1", options: options.objectValue ?? JSONObject(),
        scope: RenderScope(server: JSONObject())))
  }
}

/// Something that a test has begun, and whose end it looks for.
final class Begun<Value: Sendable>: Sendable {
  private let result = Mutex<Value?>(nil)
  private let task = Mutex<Task<Void, Never>?>(nil)

  init(_ body: @escaping @Sendable () async -> Value) {
    let task = Task {
      let value = await body()
      result.withLock { $0 = value }
    }
    self.task.withLock { $0 = task }
  }

  /// `nil` before its end.
  var value: Value? { result.withLock { $0 } }

  func cancel() { task.withLock { $0 }?.cancel() }
}

extension RequestAnswer {
  /// Why it failed.
  var reason: String? {
    if case .failed(let reason) = self { reason } else { nil }
  }
}
