/// Whether something starts the agent on the node: `/etc/rc.local`, which init starts.
struct StartCheck {
  let overlay: InspectedOverlay

  private static let remedy = "pack adds the right one, unless --no-required is given"
  private static let agent = "monorail-agent"

  func findings() throws(OverlayError) -> [Finding] {
    try [script(), starter()].compactMap { $0 }
  }

  // MARK: What starts the agent

  private func script() throws(OverlayError) -> Finding? {
    let path = try OverlayPath(RequiredFiles.rcLocalPath)
    func error(_ message: String) -> Finding { Finding(.error, .start, path, message) }
    switch overlay.program(at: path, .start, remedy: "pack adds it, unless --no-required is given") {
    case .problem(let finding): return finding
    case .found(let node):
      let text = try overlay.contents(of: node)
      let start = node.layer == .base ? "is not in the overlay, and the base's own " : ""
      if text.starts(with: ElfReader.magic) {
        return Finding(
          .warning, .start, path, "\(start)is a program: whether it starts the agent cannot be told from outside")
      }
      guard text.starts(with: "#!".utf8) else {
        return error(
          "\(start)names no interpreter in its first line, so that systemd does not start it; let it begin with #!/bin/sh"
        )
      }
      guard Self.startsAgent(text) else {
        return error(
          "\(start)does not start the agent: no line of it that runs names \(Self.agent), so the node boots without"
            + " an agent; \(Self.remedy)")
      }
      return node.layer == .overlay
        ? nil : Finding(.warning, .start, path, "is not in the overlay; the base's own will start the agent")
    }
  }

  /// Whether a line names the agent outside of comments, and does not stand behind an `exit` which the shell always reaches.
  static func startsAgent(_ text: [UInt8]) -> Bool {
    let name = Array(agent.utf8)
    // In how many commands of the shell, as if and case, the line stands.
    var depth = 0
    // Whether the line before goes on in this one, as with `||` at its end.
    var isContinued = false
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let code = withoutComment(line)
      guard !code.isEmpty else { continue }
      let words = words(of: code)
      if depth == 0, !isContinued, words.first == "exit" { return false }
      if contains(code, name) { return true }
      for (index, word) in words.enumerated() where index == 0 || commandFollows(words[index - 1]) {
        switch word {
        case "if", "case", "do", "{": depth += 1
        case "fi", "esac", "done", "}": depth = max(0, depth - 1)
        default: break
        }
      }
      isContinued = words.last.map { ["||", "&&", "|", "\\"].contains($0) || $0.hasSuffix("\\") } ?? false
    }
    return false
  }

  /// The line up to the first word that begins with `#`, without blanks before it.
  private static func withoutComment(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var isBlank = true
    for index in line.indices {
      if isBlank, line[index] == UInt8(ascii: "#") { return line[..<index].drop { " \t".utf8.contains($0) } }
      isBlank = " \t;".utf8.contains(line[index])
    }
    return line.drop { " \t".utf8.contains($0) }
  }

  /// The words of a line of the shell's; a semicolon is a word of its own.
  private static func words(of code: ArraySlice<UInt8>) -> [String] {
    String(decoding: code, as: UTF8.self).replacing(";", with: " ; ").split { " \t\r".contains($0) }.map(String.init)
  }

  /// Whether a command of the shell begins behind a word.
  private static func commandFollows(_ word: String) -> Bool {
    ["if", "then", "else", "elif", "while", "until", "do", "{", ";", "&&", "||", "|", "!", "&", "("].contains(word)
      || word.hasSuffix(")")
  }

  private static func contains(_ text: ArraySlice<UInt8>, _ name: [UInt8]) -> Bool {
    text.indices.contains { text[$0...].starts(with: name) }
  }

  // MARK: What starts rc.local

  /// Looks for what the node's init starts `/etc/rc.local` by.
  private func starter() throws(OverlayError) -> Finding? {
    guard let base = overlay.tree.base else { return nil }
    switch overlay.tree.resolve("/sbin/init") {
    case .unknown: return nil
    case .missing(let reason):
      // A base without a kernel's modules is one to try things on, not one that nodes boot.
      guard base.keys.contains(where: { ModulePlace($0) != nil }) else { return nil }
      return Finding(
        .warning, .start, try OverlayPath("sbin/init"),
        "\(reason), so that no node comes up with this base; is it the image that the nodes have?")
    case .found(let node):
      let isSystemd = node.path.name.elementsEqual("systemd".utf8)
      if try isSystemd ? systemdStarts : sysvinitStarts() { return nil }
      guard isSystemd || isFile("/etc/inittab") || isDirectory("/etc/rc2.d") else {
        return Finding(
          .warning, .start, node.path,
          "is an init that is neither systemd nor configured by /etc/inittab or /etc/rc2.d: whether it starts /etc/rc.local"
            + " cannot be told")
      }
      return Finding(
        .error, .start, node.path,
        "starts neither /etc/rc.local nor the agent: there is \(isSystemd ? Self.missingUnit : Self.missingScript)")
    }
  }

  private static let missingUnit =
    "no rc-local.service, and no monorail-agent.service in multi-user.target.wants; pack adds the latter, unless"
    + " --no-required is given"
  private static let missingScript =
    "no S??rc.local in /etc/rc2.d to /etc/rc5.d, and /etc/inittab does not name rc.local; install the package that has"
    + " /etc/init.d/rc.local (Debian: initscripts), or add a line to /etc/inittab"

  private var systemdStarts: Bool {
    let generators = ["/lib/systemd", "/usr/lib/systemd"].map { $0 + "/system-generators/systemd-rc-local-generator" }
    if generators.contains(where: { isFile($0) }) { return true }
    return ["/etc", "/lib", "/usr/lib"].contains { directory in
      ["rc-local", "rc.local", Self.agent].contains { unit in
        isFile("\(directory)/systemd/system/multi-user.target.wants/\(unit).service")
      }
    }
  }

  private func sysvinitStarts() throws(OverlayError) -> Bool {
    for level in 2...5 {
      guard case .found(let directory) = overlay.tree.resolve("/etc/rc\(level).d") else { continue }
      for name in overlay.tree.names(in: directory.path) where name.first == UInt8(ascii: "S") {
        guard name.hasSuffix("rc.local"), isFile("/etc/rc\(level).d/" + String(decoding: name, as: UTF8.self)) else {
          continue
        }
        return true
      }
    }
    // busybox's init, or one of an own making.
    for path in ["/etc/inittab", "/etc/init.d/rcS"] {
      guard case .found(let node) = overlay.tree.resolve(path), node.kind == .file else { continue }
      let text = try overlay.contents(of: node)
      if ["rc.local", Self.agent].contains(where: { Self.contains(text[...], Array($0.utf8)) }) { return true }
    }
    return false
  }

  private func isFile(_ path: String) -> Bool {
    if case .found(let node) = overlay.tree.resolve(path) { node.kind == .file } else { false }
  }

  private func isDirectory(_ path: String) -> Bool {
    if case .found(let node) = overlay.tree.resolve(path) { node.kind == .directory } else { false }
  }
}
