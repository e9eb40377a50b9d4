import Glibc
import Testing

@testable import Overlay
@testable import OverlayWorkspace

@Suite struct WorkspaceStartTests {
  /// A root that is not there: each start fails in its own first process, which says so to the one who started it.
  @Test(.enabled(if: geteuid() == 0, "needs root"))
  func `Each of many threads that start workspaces gets the answer of its own`() async throws {
    let signals = try SignalWatch(leavesTerminal: false) { _ in }
    let errors = await withTaskGroup(of: [String].self) { group in
      for _ in 0..<8 {
        group.addTask {
          await onThread {
            (0..<50).map { _ in
              let command = WorkspaceCommand(
                root: "/no/such/root", arguments: ["true"], environment: [], isConfined: true)
              do throws(OverlayError) { return "\(try command.run(signals) {})" } catch { return error.description }
            }
          }
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    #expect(Set(errors) == ["cannot make the overlay the root of the workspace: No such file or directory (ENOENT)"])
  }
}
