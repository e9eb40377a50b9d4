import Foundation
import JSONDocument
import MonorailStore
import TestSupport

@testable import MonorailServer
@testable import Workflows

/// A server's state with a node `n1`, and programs of the lab that note how they are called.
struct Lab {
  let state = ServerState()
  let directory: TestSupport.ScratchDirectory
  var configuration = ManagementConfiguration()

  init() throws {
    directory = try TestSupport.ScratchDirectory()
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

  func perform(_ action: String, by service: String? = nil, retries: Int = 0, delay: Int = 1) async -> RequestAnswer {
    await manager.perform(
      ManagementAction(action: action, service: service, retries: retries, delay: delay), on: "n1")
  }
}

extension RequestAnswer {
  /// Why it failed.
  var reason: String? {
    if case .failed(let reason) = self { reason } else { nil }
  }
}
