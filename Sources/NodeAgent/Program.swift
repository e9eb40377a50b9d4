import CLinux
import Glibc
import HTTPTransport
import Logging
import SystemFiles

/// The program `monorail-agent`: its subcommands, and its exit code.
public enum Program {
  /// EX_CONFIG of sysexits.h: a person has to look at it; rc.local then leaves the node up.
  public static let configurationErrorCode: Int32 = 78

  static var revision: String { String(cString: monorail_revision()) }

  /// The arguments without the program's name.
  public static var arguments: [String] {
    var words: [String] = []
    while let word = monorail_argument(Int32(words.count + 1)) { words.append(String(cString: word)) }
    return words
  }

  /// - Parameter words: the arguments without the program's name.
  public static func run(_ words: [String]) -> Int32 {
    fillStandardDescriptors()
    let console = Console()
    do throws(ConfigurationError) {
      switch try Arguments(words) {
      case .help:
        print(Arguments.helpText, terminator: "")
        return 0
      case .version:
        print("monorail-agent \(revision)")
        return 0
      case .fetch(let arguments):
        return FetchCommand(arguments, userAgent: userAgent).run()
      case .config(let flags, let commandLine):
        let configuration = try configuration(flags, commandLine)
        for warning in configuration.warnings { console.write(line: "monorail-agent: \(warning)") }
        print(configuration.report.prettyText, terminator: "")
        return 0
      case .run(let flags, let commandLine, let once):
        return try serve(try configuration(flags, commandLine), once: once, console)
      }
    } catch {
      console.write(line: "monorail-agent: \(error)")
      return configurationErrorCode
    }
  }

  private static var userAgent: String { "monorail-agent/\(revision)" }

  private static func serve(
    _ configuration: AgentConfiguration, once: Bool, _ console: Console
  ) throws(ConfigurationError) -> Int32 {
    // What commands need to find their programs, should the boot have left it out.
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0)
    let log = AgentLog.logger(
      level: configuration.logLevel, console: console, syslog: configuration.syslog.map { SyslogSender($0) })
    let agent = try Agent(
      configuration, endsAfterOneReport: once, log: log, stop: StopSignal(), userAgent: userAgent)
    keepDescriptorsFromCommands()
    log.notice("revision \(revision) starts; server \(configuration.server?.description ?? "")")
    return agent.run()
  }

  private static func configuration(
    _ flags: [AgentOption: String], _ path: String
  ) throws(ConfigurationError) -> AgentConfiguration {
    let text: [UInt8]
    do throws(SystemError) {
      // Without /proc there are still flags and the environment; but a file that was named must be there.
      guard let contents = try FileSystem.contents(of: path, limit: 1 << 20) ?? (path == "/proc/cmdline" ? [] : nil)
      else {
        throw SystemError("read \(path)", errno: ENOENT)
      }
      text = contents
    } catch {
      throw ConfigurationError("the kernel command line: \(error)")
    }
    var variables: [String: String] = [:]
    for option in AgentOption.allCases {
      variables[option.environmentVariable] = getenv(option.environmentVariable).map { String(cString: $0) }
    }
    return try AgentConfiguration(
      flags: flags, environment: variables,
      commandLine: KernelCommandLine(parsing: String(decoding: text, as: UTF8.self)), commandLinePath: path)
  }

  /// What the boot left open, and what libcurl opens for itself, is none of a command's business.
  private static func keepDescriptorsFromCommands() {
    let open = FileSystem.names(in: "/proc/self/fd").compactMap { Int32($0) }
    // Without /proc: those that a program usually has.
    for descriptor in open.isEmpty ? Array(3..<1024) : open where descriptor > 2 && fcntl(descriptor, F_GETFD) >= 0 {
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
  }

  /// Whoever starts the agent without stdin, stdout or stderr must not get its connections in their place.
  private static func fillStandardDescriptors() {
    for descriptor in Int32(0)..<3 where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is this one. Without /dev/null a directory does.
      if open("/dev/null", O_RDWR) < 0 { _ = open("/", O_RDONLY) }
    }
  }
}
