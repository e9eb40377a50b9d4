import Foundation

extension Stage {
  /// A wrapper (`unshare`) for an agent whose state directory is a file system in memory, as on a node. The mount is in
  /// a namespace of its own, so that no other process sees it.
  ///
  /// - Parameters:
  ///   - options: options of tmpfs(5), as `size=64k`.
  ///   - before: shell commands that run in that directory before the agent starts.
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
