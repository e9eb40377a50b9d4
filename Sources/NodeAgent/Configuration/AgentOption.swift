/// Every option of the agent, and the names it has in each place where it can be set.
public enum AgentOption: String, CaseIterable, Sendable {
  case server
  case mac
  case nodeID = "node-id"
  case workDirectory = "work-dir"
  case stateDirectory = "state-dir"
  case pollInterval = "poll-interval"
  case requestTimeout = "request-timeout"
  case maxOutput = "max-output"
  case logLevel = "log-level"
  case syslog
  case certificateAuthorities = "ca"

  public var flag: String { "--\(rawValue)" }

  /// `MONORAIL_POLL_INTERVAL`
  public var environmentVariable: String {
    "MONORAIL_" + rawValue.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
  }

  /// The kernel parameters that set it, the strongest first.
  public var kernelParameters: [String] {
    switch self {
    case .server: ["monorail.server", "API_CB"]
    case .mac: ["monorail.mac", "BOOTIF"]
    case .nodeID: ["monorail.node", "monorail.node-id"]
    case .syslog: ["monorail.syslog", "SYSLOGSERVER"]
    default: ["monorail.\(rawValue)"]
    }
  }

  public var defaultValue: String? {
    switch self {
    case .server, .mac, .nodeID, .syslog, .certificateAuthorities: nil
    case .workDirectory: "/opt/monorail/work"
    case .stateDirectory: "/run/monorail"
    case .pollInterval: "5s"
    case .requestTimeout: "30s"
    case .maxOutput: "16M"
    case .logLevel: "info"
    }
  }

  /// What stands for the value in the help.
  public var placeholder: String {
    switch self {
    case .server: "HOST[:PORT]|URL"
    case .mac: "ADDRESS"
    case .nodeID: "ID"
    case .workDirectory, .stateDirectory: "DIR"
    case .pollInterval, .requestTimeout: "TIME"
    case .maxOutput: "SIZE"
    case .logLevel: "LEVEL"
    case .syslog: "ADDRESS[:PORT]"
    case .certificateAuthorities: "FILE"
    }
  }

  public var help: String {
    switch self {
    case .server: "the monorail server's task API"
    case .mac: "the MAC address that the server knows this node by; without it, each physical NIC's is tried"
    case .nodeID: "the node's identifier; when it is given, the server is not asked for it"
    case .workDirectory: "where tasks run and downloads go; made when missing"
    case .stateDirectory: "where the journal of the running task set is kept; made when missing"
    case .pollInterval: "the longest pause between two questions while there is nothing to do"
    case .requestTimeout: "how long a server that does not answer is waited for"
    case .maxOutput: "how much of a task's stdout, and of its stderr, is kept; the middle is cut"
    case .logLevel: "trace, debug, info, notice, warning, error or critical"
    case .syslog: "also log to this syslog server (UDP, port 514)"
    case .certificateAuthorities: "certificate authorities for https, PEM; else the image's own"
    }
  }
}
