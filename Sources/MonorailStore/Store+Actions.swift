import Workflows

extension Store {
  /// What the server is to do for tasks of runs; each action is given once. `StoreTopic.actions` tells of new ones.
  public func takeActions() -> [ServerAction] {
    live.withLock { live in
      let actions = live.actions
      live.actions = []
      return actions
    }
  }

  /// To be called when a server starts on this store: what was asked of an earlier server, and is not known to be done, is
  /// given again where that is safe. Where it is not, the task fails with a sentence.
  public func resumeActions() throws {
    let runs = live.withLock { Array($0.runs.values) }
    // What loading the runs has brought about was never begun.
    let new = live.withLock { $0.actions }
    var again: [ServerAction] = []
    var unsafe: [(action: ServerAction, reason: String)] = []
    for live in runs.sorted(by: { $0.number < $1.number }) {
      for task in live.run.tasks {
        for request in task.openRequests {
          let action = ServerAction(run: live.run.plan.instanceId, task: task.instanceId, request: request)
          if !new.contains(action), let reason = reasonAgainstRepeating(request) {
            unsafe.append((action, reason))
          } else {
            again.append(action)
          }
        }
      }
    }
    live.withLock { [again] in $0.actions = again }
    for (action, reason) in unsafe { try perform(.performed(action, .failed(reason))) }
  }

  /// Actions that end the same when they are done twice.
  private static let repeatable: Set<String> = [
    "clearSEL", "identifyOn", "identifyOff", "identifyBlink", "mcResetCold", "powerOn", "powerOff", "powerStatus",
    "setBootPxe", "forceBootPxe", "setBootDisk", "clearWatchDog",
  ]
  /// Actions that start the node anew. They may be done twice as long as the node has nothing to do.
  private static let restarts: Set<String> = ["reboot", "reset", "softReset"]

  private func reasonAgainstRepeating(_ request: ServerRequest) -> String? {
    guard case .manage(let node, let action) = request else { return nil }
    if Self.repeatable.contains(action.action) { return nil }
    if Self.restarts.contains(action.action), self.node(node)?.hasTaskSet != true { return nil }
    return """
      The server ended while it carried out \(action.action) for node \(node). Whether that was done is not known, and it \
      is not done again, since twice is not the same as once.
      """
  }
}
