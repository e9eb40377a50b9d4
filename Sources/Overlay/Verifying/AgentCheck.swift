/// Whether the overlay has the agent, as a program that runs on every base image.
struct AgentCheck {
  let overlay: InspectedOverlay

  private static let remedy = "scripts/build-agent makes the right one"

  func findings() throws(OverlayError) -> [Finding] {
    let path = try OverlayPath(RequiredFiles.agentPath)
    switch overlay.program(at: path, .agent, remedy: "pack --agent FILE adds it") {
    case .problem(let finding): return [finding]
    case .found(let node) where node.layer == .base:
      return [Finding(.warning, .agent, path, "is not in the overlay; the base's own will run")]
    case .found(let node):
      return problem(with: overlay.archive.nature(of: node.path) ?? .other).map { [Finding(.error, .agent, path, $0)] }
        ?? []
    }
  }

  /// What keeps the agent from running, to be read behind its path; `nil` when nothing does.
  private func problem(with nature: FileNature) -> String? {
    switch nature {
    case .elf(let facts):
      let wanted = overlay.architecture.native
      guard facts.machine == wanted else {
        return "is a program for \(facts.machine); the nodes are \(wanted); \(Self.remedy)"
      }
      guard facts.kind == .loadable else { return "is no program, but an object file; \(Self.remedy)" }
      guard facts.isStatic else {
        let names = facts.needed.map { OverlayPath.printable($0) }.joined(separator: ", ")
        return
          "is linked dynamically\(names.isEmpty ? "" : " (to \(names))"), so that it runs only on some base images;"
          + " \(Self.remedy)"
      }
      return nil
    case .script: return "is a script, not the agent; \(Self.remedy)"
    // ProgramCheck has a finding for that.
    case .damagedElf: return nil
    case .empty: return "is empty; \(Self.remedy)"
    case .other: return "is no ELF file: a shell would run it as a script, line by line; \(Self.remedy)"
    }
  }
}

extension InspectedOverlay {
  enum RequiredProgram {
    case found(MergedTree.Node)
    case problem(Finding)
  }

  /// The executable file behind the path of a required one, or what is the matter with it.
  func program(at path: OverlayPath, _ kind: Finding.Kind, remedy: String) -> RequiredProgram {
    func error(_ message: String) -> RequiredProgram { .problem(Finding(.error, kind, path, message)) }
    let needed = "and a node needs it to get to the agent"
    switch tree.resolve(path.bytes) {
    case .unknown, .missing(.absent): return error("is missing, \(needed); \(remedy)")
    case .missing(.whiteout(let whiteout)): return error("is removed (\(whiteout) is a whiteout), \(needed); \(remedy)")
    case .missing(let reason): return error("is a path that \(reason); \(remedy)")
    case .found(let node):
      guard node.kind == .file else { return error("is no regular file; \(remedy)") }
      guard node.isExecutable else {
        return error("is not executable, so that no node starts it; give it the mode 0755")
      }
      return .found(node)
    }
  }
}
