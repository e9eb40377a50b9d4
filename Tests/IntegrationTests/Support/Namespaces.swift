import Foundation

extension Stage {
  /// A wrapper for an agent whose state directory is a file system in memory, as on a node; only the agent sees it.
  ///
  /// - Parameters:
  ///   - options: of tmpfs(5): `size=64k`.
  ///   - before: shell commands to run in that directory first.
  func stateInMemory(_ options: String, before: String = ":") -> [String] {
    let script = """
      state=$1; shift
      mkdir -p "$state" && mount -t tmpfs -o \(options) tmpfs "$state" && cd "$state" && \(before) && cd / && exec "$@"
      """
    return ["unshare", "--mount", "sh", "-c", script, "sh", path("state")]
  }

  /// What is in the journal of an agent, as that agent sees it.
  func journalNames(of agent: AgentProcess) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(agent.pid)/root\(journal)")
  }
}
