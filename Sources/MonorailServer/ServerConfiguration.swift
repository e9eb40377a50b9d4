import Logging

/// What a server serves, and from where.
public struct ServerConfiguration: Sendable {
  /// The address to listen at; loopback unless another is given.
  public var host = "127.0.0.1"
  /// 0 takes any free port; `MonorailServer.port` tells which.
  public var port = 0
  /// What nodes are told to poll, in `bootstrap.js` and in templates; `nil`: what the client itself used (its `Host`).
  public var advertisedServer: String?
  /// As `advertisedServer`, the port.
  public var advertisedPort: Int?
  /// Whether a node that nobody added appears when it first asks. Otherwise it gets 404 until it is added.
  public var registersUnknownNodes = true
  /// How long a `GET tasks/<id>` waits for something to be queued before its 404. The stock server: 1 s.
  public var idleHold: Duration = .seconds(1)
  /// The longest report taken, in bytes; beyond it the answer is 413. The stock server: 50 MB.
  public var maximumReportBytes = 50 * 1024 * 1024
  /// The longest file or template taken, in bytes; beyond it the answer is 413.
  public var maximumUploadBytes = 1 << 30
  /// Each accepted report is also written here, to `<node>/<sequence>.json`; `nil`: kept in memory only.
  public var resultsDirectory: String?
  /// What `files/` serves; `nil`: a temporary directory of the state's own.
  public var filesDirectory: String?
  /// What `templates/` serves; `nil`: a temporary directory of the state's own.
  public var templatesDirectory: String?
  /// Task sets that `POST nodes/<id>/workflows` can name: `<name>.json`.
  public var workflowsDirectory: String?
  /// Served under `/common/`; `BootOptions` names the files in it that a node boots. `nil`: there is nothing to boot.
  public var bootDirectory: String?
  /// What nodes boot.
  public var boot = BootOptions()
  /// Another server of the boot directory's files: what their URLs begin with, without a final slash. `nil`: this server.
  public var imageServer: String?
  /// Where GRUB's profiles are kept, below the root of a TFTP server; `nil`: nowhere. Needs `advertisedServer`.
  public var grubDirectory: String?
  /// UDP port to take lines of syslog at, which the boot profile names; 0 takes any free port, and
  /// `MonorailServer.syslogPort` tells which. `nil`: nobody listens.
  public var syslogPort: Int?
  /// How large a node's `<node>/syslog.log` in `resultsDirectory` may get, in bytes; the one before is kept beside it.
  public var maximumSyslogBytes = 8 << 20
  /// Served at `/`.
  public var staticDirectory: String?
  /// How the power and the BMCs of nodes are reached.
  public var management = ManagementConfiguration()
  /// Task set texts that every node gets when it appears, in order. `<%=variables%>` in them are filled in.
  public var taskSetsForNewNodes: [String] = []
  /// The graph that every node runs when it appears; `nil`: none.
  public var discoveryGraph: String?
  /// The text of `bootstrap.js`, with `<%=server%>`, `<%=port%>`, `<%=identifier%>`; `nil`: a short one.
  public var bootstrapTemplate: String?
  /// A PEM file with the certificate chain; with it and `privateKeyFile` the server speaks HTTPS.
  public var certificateFile: String?
  /// A PEM file with the key of the first certificate of `certificateFile`.
  public var privateKeyFile: String?
  /// How long a connection without a request stays open. One whose request is being served stays.
  public var idleTimeout: Duration = .seconds(60)
  /// How many connections there may be. Beyond that, those that are idle longest are closed; when none is idle, new ones
  /// wait. `nil`: as many as the process's descriptors allow, each with a file that it is sent.
  public var maximumConnections: Int?
  /// Where to say what happens, for people; silent unless one is given.
  public var logger = Logger(label: "monorail-mock", factory: { _ in SwiftLogNoOpLogHandler() })
  /// Where to say what happens, for programs. Called on the server's threads, from several at a time.
  public var events: (@Sendable (ServerEvent) -> Void)?

  public init() {}

  func tell(_ event: ServerEvent) {
    logger.log(level: event.level, "\(event)")
    events?(event)
  }
}
