import HTTPTransport

/// What the agent's command line asks for.
public enum Arguments: Equatable {
  case run(flags: [AgentOption: String], commandLine: String, once: Bool)
  case config(flags: [AgentOption: String], commandLine: String)
  case fetch(FetchArguments)
  case help
  case version

  public struct FetchArguments: Equatable {
    public var url = ""
    public var output = ""
    public var sha256: String?
    public var certificateAuthorities: String?
  }

  /// - Parameter words: the arguments without the program's name. `run` is the default subcommand.
  /// - Throws: `ConfigurationError` that names the word which is wrong.
  public init(_ words: [String]) throws(ConfigurationError) {
    var rest = words[...]
    if rest.contains("--help") || rest.contains("-h") || rest.first == "help" {
      self = .help
    } else if rest.contains("--version") {
      self = .version
    } else if rest.first == "fetch" {
      self = .fetch(try Self.fetch(&rest))
    } else {
      let isConfig = rest.first == "config"
      if isConfig || rest.first == "run" { rest = rest.dropFirst() }
      self = try Self.run(&rest, isConfig: isConfig)
    }
  }

  private static func run(_ rest: inout ArraySlice<String>, isConfig: Bool) throws(ConfigurationError) -> Arguments {
    var flags: [AgentOption: String] = [:]
    var commandLine = "/proc/cmdline"
    var once = false
    while let (name, inline) = nextWord(&rest) {
      if name == "--once", inline == nil, !isConfig {
        once = true
      } else if name == "--cmdline" {
        commandLine = try value(of: name, inline, &rest)
      } else if let option = AgentOption.allCases.first(where: { $0.flag == name }) {
        flags[option] = try value(of: name, inline, &rest)
      } else {
        throw unknown(name)
      }
    }
    return isConfig
      ? .config(flags: flags, commandLine: commandLine) : .run(flags: flags, commandLine: commandLine, once: once)
  }

  private static func fetch(_ rest: inout ArraySlice<String>) throws(ConfigurationError) -> FetchArguments {
    rest = rest.dropFirst()
    var arguments = FetchArguments()
    while let (name, inline) = nextWord(&rest) {
      switch name {
      case "-o", "--output": arguments.output = try value(of: name, inline, &rest)
      case "--sha256": arguments.sha256 = try value(of: name, inline, &rest)
      case "--ca": arguments.certificateAuthorities = try value(of: name, inline, &rest)
      default:
        guard !name.hasPrefix("-"), arguments.url.isEmpty else { throw unknown(name) }
        arguments.url = inline.map { "\(name)=\($0)" } ?? name
      }
    }
    guard !arguments.url.isEmpty else { throw ConfigurationError("fetch: which URL? See monorail-agent --help") }
    guard !arguments.output.isEmpty else { throw ConfigurationError("fetch: where to? Give -o FILE") }
    if let digest = arguments.sha256 {
      do throws(HTTPError) { _ = try URLText.digest(digest) } catch { throw ConfigurationError("fetch: \(error)") }
    }
    guard arguments.output != "-" else { throw ConfigurationError("fetch: -o takes a file; stdout cannot be verified") }
    return arguments
  }

  /// The next word, a `--name=value` split in two.
  private static func nextWord(_ rest: inout ArraySlice<String>) -> (name: String, value: String?)? {
    guard let word = rest.popFirst() else { return nil }
    guard word.hasPrefix("--"), let equals = word.firstIndex(of: "=") else { return (word, nil) }
    return (String(word[..<equals]), String(word[word.index(after: equals)...]))
  }

  private static func value(
    of name: String, _ inline: String?, _ rest: inout ArraySlice<String>
  ) throws(ConfigurationError) -> String {
    guard let value = inline ?? rest.popFirst(), !value.isEmpty else {
      throw ConfigurationError("\(name) needs a value")
    }
    return value
  }

  private static func unknown(_ word: String) -> ConfigurationError {
    ConfigurationError("\"\(word)\" means nothing here; see monorail-agent --help")
  }

  public static var helpText: String {
    var text = """
      Runs the tasks that a monorail server has for this node, and reports their results.

      Usage:
        monorail-agent [run] [OPTION…] [--once]   ask for work, do it, report it, and again
        monorail-agent config [OPTION…]           print every option's value and where it came from, as JSON
        monorail-agent fetch URL -o FILE [--sha256 HEX] [--ca FILE]
                                                  download a file: retried, resumed, verified

      An option that is not among the arguments is taken from the environment, else from the kernel command line:

      """
    for option in AgentOption.allCases {
      let names = ([option.environmentVariable] + option.kernelParameters.map { "\($0)=" }).joined(separator: ", ")
      text += """

          \(option.flag) \(option.placeholder)
              \(option.help)\(option.defaultValue.map { " (\($0))" } ?? "")
              \(names)

        """
    }
    return text + """

        --cmdline FILE
            the kernel command line, for tests (/proc/cmdline)
        --once
            end with 0 after one report has been accepted
        --help, --version

      Exit codes: what the server's `exit` asks for (after 127 rc.local leaves the node up, after 2 it power
      cycles the node, after others it reboots the node), 0 after --once, 75 when another agent is at work,
      78 for a configuration that cannot work, 143 or 130 after SIGTERM or SIGINT. fetch: 0; 75 when trying again later may help; 1 for any other failure.

      """
  }
}
