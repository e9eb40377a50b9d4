import CLinux
import Glibc
import HTTPTransport
import SystemFiles

/// The program `monorail-agent`: its subcommands, and its exit code.
public enum Program {
  /// EX_CONFIG of sysexits.h: a person has to look at it; rc.local then leaves the node up.
  static let configurationErrorCode: Int32 = 78
  /// EX_TEMPFAIL of sysexits.h: the same may work later; rc.local then starts the agent again.
  static let temporaryFailureCode: Int32 = 75
  /// How long another agent is waited for at the start, in milliseconds.
  private static let longestLockWait = 10_000

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
        for warning in configuration.warnings { say(warning) }
        print(configuration.report.prettyText, terminator: "")
        return 0
      case .run(let flags, let commandLine, let once):
        return try serve(try configuration(flags, commandLine), once: once)
      }
    } catch {
      say(error.description)
      return configurationErrorCode
    }
  }

  private static func say(_ text: String) {
    let line = "monorail-agent: \(text)\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
  }

  private static var userAgent: String { "monorail-agent/\(revision)" }

  private static func serve(
    _ configuration: AgentConfiguration, once: Bool
  ) throws(ConfigurationError) -> Int32 {
    guard let server = configuration.server else {
      throw ConfigurationError(
        "no monorail server is known: the kernel command line has no API_CB=host:port, and neither --server nor "
          + "MONORAIL_SERVER is set; `monorail-agent config` shows what was found")
    }
    // What commands need to find their programs, should the boot have left it out.
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0)
    let stop = StopSignal()
    var ended: Journal?
    // The last step of all: an agent that is killed while the console takes its last lines still leaves its exit to the next.
    defer { ended?.forgetAnswered() }
    let console = Console()
    defer { console.finish(within: 1000) }
    let log = Log(
      level: configuration.logLevel, console: console, syslog: configuration.syslog.map { SyslogSender($0) })
    log.identify(node: configuration.nodeID, mac: configuration.mac)
    let journal: Journal
    do throws(SystemError) {
      try FileSystem.makeDirectories(configuration.workDirectory)
      journal = try Journal(stateDirectory: configuration.stateDirectory)
      guard try lock(journal, stop, log) else { return stop.exitCode ?? temporaryFailureCode }
    } catch {
      throw ConfigurationError("\(error); choose another with --work-dir or --state-dir")
    }
    let agent = Agent(
      configuration, server: server, journal: journal, endsAfterOneReport: once, log: log, stop: stop,
      userAgent: userAgent)
    keepDescriptorsFromCommands()
    log.notice("revision \(revision) starts; server \(server)")
    let code = agent.run()
    ended = journal
    return code
  }

  /// Waits for an agent that is about to end; a command that a killed one was just starting holds its lock for a moment.
  ///
  /// - Returns: whether the lock was taken. If not, this was said, or a stop was requested.
  private static func lock(_ journal: Journal, _ stop: StopSignal, _ log: Log) throws(SystemError) -> Bool {
    if try journal.lock() { return true }
    log.notice(
      "another agent is at work with \(journal.stateDirectory); waiting up to \(longestLockWait / 1000) s for its end")
    let end = Ticks.now() + longestLockWait
    while stop.sleep(milliseconds: 50) {
      if try journal.lock() { return true }
      guard Ticks.now() < end else {
        log.error("another agent is at work with \(journal.stateDirectory); choose another --state-dir")
        return false
      }
    }
    return false
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
