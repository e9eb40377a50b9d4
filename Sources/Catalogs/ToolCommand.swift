import JSONDocument

/// The form of a command's text.
enum CommandPattern: Sendable {
  case exact(String)
  /// The text, then perhaps one blank and perhaps a channel of one or two digits.
  case optionalChannel(String)
  /// The text, then a blank and the number of a channel.
  case channel(String)
  case anyThatBegins(String)

  var text: String {
    switch self {
    case .exact(let text): text
    case .optionalChannel(let text): text + " [N]"
    case .channel(let text): text + " N"
    case .anyThatBegins(let text): text + "…"
    }
  }

  /// The channel that the command names; `nil` within for none. `nil` for another command.
  func match(_ command: String) -> Int?? {
    func rest(of prefix: String) -> Substring? {
      command[...].begins(with: prefix) ? Substring(command.utf8.dropFirst(prefix.utf8.count)) : nil
    }
    switch self {
    case .exact(let text):
      return command == text ? .some(nil) : nil
    case .anyThatBegins(let text):
      return rest(of: text) == nil ? nil : .some(nil)
    case .channel(let text):
      guard let digits = rest(of: text + " "), let channel = Self.number(digits) else { return nil }
      return channel
    case .optionalChannel(let text):
      guard var digits = rest(of: text) else { return nil }
      if digits.utf8.first?.isWhiteSpace == true { digits = Substring(digits.utf8.dropFirst()) }
      if digits.isEmpty { return .some(nil) }
      guard digits.utf8.count <= 2, let channel = Self.number(digits) else { return nil }
      return channel
    }
  }

  private static func number(_ digits: Substring) -> Int? {
    digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(digits) : nil
  }
}

/// A command of a catalog task, with the tool that parses its output.
public struct ToolCommand: Sendable {
  public let tool: CatalogTool
  /// The name under which the output is stored.
  public let source: String
  private let toleratesFailure: Bool

  /// The tool for the command with that text. As on the stock server, the whole text must be the same, blanks included.
  ///
  /// `nil` for a command that no tool is known for.
  public init?(_ text: String) {
    for tool in CatalogTool.all {
      for pattern in tool.patterns {
        guard let channel = pattern.match(text) else { continue }
        self.init(tool, channel: channel)
        return
      }
    }
    return nil
  }

  /// A command of the tool. For a tool that tells of a BMC's channels, it is the command that names no channel.
  public init(_ tool: CatalogTool) { self.init(tool, channel: nil) }

  private init(_ tool: CatalogTool, channel: Int?) {
    self.tool = tool
    source = tool.source(channel: channel)
    toleratesFailure = tool.naming.toleratesFailure && channel != nil && channel != 1
  }

  /// Parses what the command printed.
  ///
  /// This never fails: an output that cannot be parsed, or is larger than `CatalogLimits` allow, is kept raw.
  public func catalog(of output: String) -> Catalog {
    let reason: String
    if let problem = CatalogLimits.problem(with: output) {
      reason = problem
    } else {
      do {
        let parsed = try tool.parse(output)
        let content: Catalog.Content =
          parsed.absence.map { .nothing(reason: $0) } ?? .parsed(StoredKeys.document(parsed.data))
        return Catalog(source: source, content: content, lookups: parsed.lookups)
      } catch {
        reason = error.reason
      }
    }
    return .raw(source: source, output: output, reason: reason, failsTask: tool.failsTask)
  }

  /// What becomes of a command that ended with an error which its task accepts: nothing is stored.
  ///
  /// - Parameter error: what the node reported, in words.
  /// - Returns: `nil` when nobody needs to know, since tasks ask for channels that a BMC need not have.
  public func catalog(ofFailure error: String) -> Catalog? {
    toleratesFailure ? nil : Catalog(source: source, content: .nothing(reason: "the command failed: \(error)"))
  }
}
