/// Whether the overlay has what brings a node to the agent, so that it runs.
struct RequiredFilesCheck {
  let overlay: InspectedOverlay

  func findings() throws(OverlayError) -> [Finding] {
    [
      problemOfScript(try OverlayPath(RequiredFiles.rcLocalPath)),
      problemOfAgent(try OverlayPath(RequiredFiles.agentPath)),
    ].compactMap { $0 }
  }

  private func problemOfScript(_ path: OverlayPath) -> Finding? {
    switch program(path, remedy: "pack adds it, unless --no-required is given") {
    case .problem(let finding): return finding
    case .file(.script): return nil
    case .file(.elf): return nil
    case .file:
      return Finding(
        .error, path,
        "names no interpreter in its first line, so that systemd does not start it; let it begin with #!/bin/sh")
    }
  }

  private func problemOfAgent(_ path: OverlayPath) -> Finding? {
    let remedy = "scripts/build-agent makes the right one"
    switch program(path, remedy: "pack --agent FILE adds it") {
    case .problem(let finding): return finding
    case .file(.elf(let facts)):
      let wanted = overlay.architecture.native
      guard facts.machine == wanted else {
        return Finding(.error, path, "is a program for \(facts.machine); the nodes are \(wanted); \(remedy)")
      }
      guard facts.kind == .loadable else {
        return Finding(.error, path, "is no program, but an object file; \(remedy)")
      }
      guard facts.isStatic else {
        let names = facts.needed.map { OverlayPath.printable($0) }.joined(separator: ", ")
        return Finding(
          .error, path,
          "is linked dynamically\(names.isEmpty ? "" : " (to \(names))"), so that it runs only on some base images; \(remedy)"
        )
      }
      return nil
    case .file(.script): return Finding(.error, path, "is a script, not the agent; \(remedy)")
    // ProgramCheck says what is the matter.
    case .file(.damagedElf): return nil
    case .file(.empty): return Finding(.error, path, "is empty; \(remedy)")
    case .file(.other):
      return Finding(.error, path, "is no ELF file: a shell would run it as a script, line by line; \(remedy)")
    }
  }

  private enum Program {
    case file(FileNature)
    case problem(Finding?)
  }

  /// The file behind the path, or what is the matter with it.
  private func program(_ path: OverlayPath, remedy: String) -> Program {
    switch overlay.tree.resolve(path.bytes) {
    case .unknown:
      return .problem(Finding(.error, path, "is missing, and a node needs it to get to the agent; \(remedy)"))
    case .missing(let reason):
      let what =
        switch reason {
        case .absent: "is missing, and a node needs it to get to the agent"
        case .whiteout(let whiteout): "is removed (\(whiteout) is a whiteout), and a node needs it to get to the agent"
        case .noDirectory, .circle: "is a path that \(reason)"
        }
      return .problem(Finding(.error, path, "\(what); \(remedy)"))
    case .found(let node):
      guard node.kind == .file else { return .problem(Finding(.error, path, "is no regular file; \(remedy)")) }
      guard node.isExecutable else {
        return .problem(Finding(.error, path, "is not executable, so that no node starts it; give it the mode 0755"))
      }
      guard node.layer == .overlay else {
        return .problem(Finding(.warning, path, "is not in the overlay; the base's own will run"))
      }
      return .file(overlay.archive.nature(of: node.path) ?? .other)
    }
  }
}
