/// Whether executable files can be started on the node: scripts have their interpreters, programs are for its machine.
struct ProgramCheck {
  let overlay: InspectedOverlay
  private let called: CalledPrograms

  init(overlay: InspectedOverlay) { (self.overlay, called) = (overlay, CalledPrograms(overlay)) }

  func findings() -> [Finding] {
    overlay.executables.compactMap { path, nature in
      // KernelCheck looks at these.
      if KernelModule.isOne(path) { return nil }
      switch nature {
      case .script(let line):
        guard let problem = scriptProblem(line) else { return nil }
        return called.contain(path)
          ? Finding(.error, .interpreter, path, problem)
          : Finding(
            .warning, .interpreter, path,
            "\(problem); nothing calls it: it is in no directory of PATH, and nothing that runs at boot names it")
      // Of the agent, AgentCheck says it.
      case .elf(let facts)
      where facts.kind == .loadable && !overlay.architecture.runs(facts.machine)
        && !path.bytes.elementsEqual(RequiredFiles.agentPath.utf8):
        return Finding(
          .warning, .machine, path, "is a program for \(facts.machine); the nodes are \(overlay.architecture.rawValue)")
      case .damagedElf(let reason): return Finding(.error, .damaged, path, "begins like a program, but \(reason)")
      case .empty, .elf, .other: return nil
      }
    }
  }

  /// What keeps a script from running, to be read behind its path; `nil` when nothing does.
  private func scriptProblem(_ line: ScriptLine) -> String? {
    guard !line.interpreter.isEmpty else { return "begins with #!, but names no interpreter" }
    if line.interpreter.last == UInt8(ascii: "\r") || (line.argument.last == UInt8(ascii: "\r")) {
      return
        "has the line ends of Windows: its interpreter would be \(OverlayPath.printable(line.interpreter + line.argument))"
    }
    guard line.interpreter.first == UInt8(ascii: "/") else {
      return
        "has the interpreter \(OverlayPath.printable(line.interpreter)), which depends on the directory it is started"
        + " in; give an absolute path"
    }
    if let problem = problem(with: line.interpreter) { return "has the interpreter \(problem)" }
    guard let program = line.programOfEnv, !program.isEmpty else { return nil }
    return program.contains(UInt8(ascii: "/"))
      ? problem(with: program).map { "is run by env with \($0)" } : problemInSearchPath(program)
  }

  private func problem(with interpreter: [UInt8]) -> String? {
    let name = OverlayPath.printable(interpreter)
    switch overlay.tree.resolve(interpreter) {
    case .unknown: return nil
    case .missing(let reason): return "\(name), which \(reason)"
    case .found(let node): return node.isExecutable ? nil : "\(name), which is no file that can be executed"
    }
  }

  private func problemInSearchPath(_ program: [UInt8]) -> String? {
    for directory in CalledPrograms.searchPath {
      switch overlay.tree.resolve(Array(directory.utf8) + [UInt8(ascii: "/")] + program) {
      case .unknown: return nil
      case .found(let node) where node.isExecutable: return nil
      case .found, .missing: break
      }
    }
    let words =
      program.contains(UInt8(ascii: " ")) ? "; env takes all of it for one name, unless -S stands before it" : ""
    return "is run by env with \"\(OverlayPath.printable(program))\", which is nowhere in the PATH of rc.local"
      + " (\(CalledPrograms.searchPath.joined(separator: ":")))\(words)"
  }
}
