import Foundation
import MonorailStore
import Workflows

/// What makes runs go on besides nodes: time that passes, and what tasks ask the server for.
final class RunDriver: Sendable {
  private let store: Store
  private let tasks: [Task<Void, Never>]
  private let listener: Int

  /// - Parameter backend: its `tell` gets what happens to runs.
  init(_ backend: Backend) {
    let (store, tell) = (backend.state.store, backend.configuration.tell)
    let work = ServerWork(manager: backend.manager, files: backend.files, store: store, tell: tell)
    self.store = store
    listener = store.listen { tell(ServerEvent($0)) }
    let failed: @Sendable (any Error) -> Void = { tell(.problem("workflows cannot go on: \($0)")) }
    tasks = [
      Task { await Self.keepTime(store, failed) },
      Task { await Self.carryOutActions(store, work, failed) },
    ]
  }

  /// When this returns, nothing is carried out any more: programs that run for it are killed.
  func stop() async {
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
    store.stopListening(listener)
  }

  private static func keepTime(_ store: Store, _ failed: @Sendable (any Error) -> Void) async {
    while !Task.isCancelled {
      do {
        let next = store.nextTime
        let delay = next.map { max(0, $0 - Store.wallClock()) } ?? 3_600_000
        if delay == 0 {
          try await store.perform(.timePassed)
          // When the disk is full, the time of a run stays due.
        } else {
          _ = try await store.wait(on: .clock, timeout: .milliseconds(min(delay, 3_600_000))) {
            store.nextTime == next ? nil : true
          }
        }
      } catch {
        failed(error)
        try? await Task.sleep(for: .seconds(5))
      }
    }
  }

  private static func carryOutActions(
    _ store: Store, _ work: ServerWork, _ failed: @escaping @Sendable (any Error) -> Void
  ) async {
    await withDiscardingTaskGroup { group in
      while !Task.isCancelled {
        let actions = try? await store.wait(on: .actions, timeout: .seconds(3600)) {
          let actions = store.takeActions()
          return actions.isEmpty ? nil : actions
        }
        for action in actions ?? [] {
          group.addTask {
            let done = await work.carryOut(action.request) { isOpen(action, in: store) }
            // What was stopped in the middle is up to the next server.
            if Task.isCancelled { return }
            await note(done, of: action, store, failed)
          }
        }
      }
    }
  }

  /// Whether the task still waits for the action: it does not when it was cancelled, or its time is over.
  private static func isOpen(_ action: ServerAction, in store: Store) -> Bool {
    let task = store.liveRun(action.run)?.tasks.first { $0.instanceId == action.task }
    return task?.openRequests.contains(action.request) == true
  }

  /// Stores how an action ended, since its task waits for that. While the disk is full, or another program has locked the
  /// database, this tries again every second.
  private static func note(
    _ done: ServerWork.Done, of action: ServerAction, _ store: Store, _ failed: @Sendable (any Error) -> Void
  ) async {
    var told: StoreError?
    while !Task.isCancelled {
      do {
        try await store.perform(.performed(action, done.answer, storing: done.catalogs))
        return
      } catch let error as StoreError {
        if error != told { failed(error) }
        told = error
        switch error.kind {
        // The command itself is wrong, and will be the next time, too.
        case .notFound, .refused, .conflict: return
        case .diskFull, .inUse, .unusable: break
        }
      } catch {
        failed(error)
        return
      }
      try? await Task.sleep(for: .seconds(1))
    }
  }
}
