import HTTPTransport
import JSONDocument
import MonorailProtocol
import SystemFiles

/// The agent's options: each value as it was given, the place it came from, and what it means.
public struct AgentConfiguration: Sendable {
  /// A value as it was given, and the place that gave it: `--server`, `MONORAIL_SERVER`, `/proc/cmdline API_CB`, `default`.
  public struct Setting: Sendable, Equatable {
    public let value: String
    public let origin: String
  }

  public let settings: [AgentOption: Setting]
  public let server: ServerAddress?
  public let mac: MACAddress?
  public let nodeID: String?
  public let workDirectory: String
  public let stateDirectory: String
  /// Milliseconds.
  public let pollInterval: Int
  /// Milliseconds.
  public let requestTimeout: Int
  /// Bytes of each stream.
  public let maxOutput: Int
  public let logLevel: Log.Level
  public let syslog: SyslogAddress?
  public let certificateAuthorities: String?
  /// Sentences about the server's boot parameters that cannot be used and are ignored.
  public let warnings: [String]

  /// Takes each option from the first place that has it: the flags, the environment, the kernel command line, the defaults.
  ///
  /// - Throws: `ConfigurationError` for a value that makes no sense, naming the place it came from.
  public init(
    flags: [AgentOption: String], environment: [String: String], commandLine: KernelCommandLine,
    commandLinePath: String = "/proc/cmdline"
  ) throws(ConfigurationError) {
    var settings: [AgentOption: Setting] = [:]
    for option in AgentOption.allCases {
      if let value = flags[option] {
        settings[option] = Setting(value: value, origin: option.flag)
      } else if let value = environment[option.environmentVariable], !value.isEmpty {
        settings[option] = Setting(value: value, origin: option.environmentVariable)
      } else if let name = option.kernelParameters.first(where: { commandLine[$0]?.isEmpty == false }) {
        settings[option] = Setting(value: commandLine[name] ?? "", origin: "\(commandLinePath) \(name)")
      } else if let value = option.defaultValue {
        settings[option] = Setting(value: value, origin: "default")
      }
    }

    var warnings: [String] = []
    func parse<Value>(_ option: AgentOption, _ form: String, _ parser: (String) -> Value?) throws(ConfigurationError)
      -> Value?
    {
      guard let setting = settings[option] else { return nil }
      if let value = parser(setting.value) { return value }
      let problem = "\(setting.origin): \"\(URLText.withoutSecrets(setting.value))\" is not \(form)"
      // The stock server writes these two for every node. When one is wrong, the node works without it.
      guard [" SYSLOGSERVER", " BOOTIF"].contains(where: setting.origin.hasSuffix) else {
        throw ConfigurationError(problem)
      }
      warnings.append("\(problem); doing without it")
      return nil
    }
    func required<Value>(_ option: AgentOption, _ form: String, _ parser: (String) -> Value?) throws(ConfigurationError)
      -> Value
    {
      guard let value = try parse(option, form, parser) else { throw ConfigurationError("\(option.flag) is not set") }
      return value
    }
    let path = { (text: String) in text.hasPrefix("/") ? text : nil }
    let time = "a time, as 5s, 250ms or 2m"

    server = try parse(.server, "a server: host, host:port, [IPv6]:port or a URL") { ServerAddress($0) }
    mac = try parse(.mac, "a MAC address, as 00:1e:67:98:bc:7e or 01-00-1e-67-98-bc-7e") {
      MACAddress(bootInterface: $0)
    }
    nodeID = try parse(.nodeID, "a node identifier") {
      $0.allSatisfy { $0.isLetter || $0.isNumber || "-_.".contains($0) } ? $0 : nil
    }
    workDirectory = try required(.workDirectory, "an absolute path", path)
    stateDirectory = try required(.stateDirectory, "an absolute path", path)
    pollInterval = try required(.pollInterval, time, Quantity.milliseconds)
    requestTimeout = try required(.requestTimeout, time + ", of at least one second") {
      Quantity.milliseconds($0).flatMap { $0 >= 1000 ? $0 : nil }
    }
    maxOutput = try required(.maxOutput, "a size from 1K to 64M, as 16M, 512K or 1000000") {
      Quantity.bytes($0).flatMap { (1 << 10...64 << 20).contains($0) ? $0 : nil }
    }
    logLevel = try required(.logLevel, "one of \(Log.Level.allCases.map(\.rawValue).joined(separator: ", "))") {
      Log.Level(rawValue: $0)
    }
    syslog = try parse(.syslog, "an address, as 10.1.1.1, 10.1.1.1:514 or [fd00::1]:514 (names are not looked up)") {
      SyslogAddress($0)
    }
    certificateAuthorities = try parse(.certificateAuthorities, "an absolute path to a file that can be read") {
      path($0).flatMap { FileSystem.exists($0) ? $0 : nil }
    }
    self.settings = settings
    self.warnings = warnings
  }

  /// What `monorail-agent config` prints: for each option its value and where that came from.
  public var report: JSON {
    var object = JSONObject()
    for option in AgentOption.allCases {
      let setting = settings[option]
      object[option.rawValue] = [
        "value": setting.map { .string(URLText.withoutSecrets($0.value)) } ?? .null,
        "from": setting.map { .string($0.origin) } ?? "not set",
      ]
    }
    return .object(object)
  }
}

/// A configuration that cannot work; the text says what to change.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
