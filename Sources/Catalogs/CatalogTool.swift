import JSONDocument

/// A tool whose output becomes a catalog: the commands by which tasks run it, and its parser.
public struct CatalogTool: Sendable {
  /// The name that people give; no two tools have the same.
  public let name: String
  /// The commands by which it is known, for people to read: `N` stands for the number of a BMC's channel, `…` for any
  /// text.
  public let commands: [String]
  /// The names under which its catalogs are stored, for people to read.
  public let source: String

  private let baseSource: String
  let patterns: [CommandPattern]
  let naming: Naming
  /// Whether a task of the stock server fails when its parser does.
  let failsTask: Bool
  let parse: @Sendable (String) throws(Unparsable) -> ParsedOutput

  /// How the channel of a BMC becomes a part of the source's name.
  struct Naming: Sendable {
    /// The name of channel 3, which is a management module of its own on some boards.
    var third: String?
    /// Whether a command that fails for another channel than the first is no problem: tasks ask for all 15.
    var toleratesFailure = false
  }

  init(
    name: String, source: String, commands: [CommandPattern], naming: Naming = Naming(), failsTask: Bool = false,
    parse: @escaping @Sendable (String) throws(Unparsable) -> ParsedOutput
  ) {
    self.name = name
    self.source = naming.third.map { "\(source), \(source)-N, \($0)" } ?? source
    self.commands = commands.map(\.text)
    self.patterns = commands
    self.naming = naming
    self.failsTask = failsTask
    self.parse = parse
    baseSource = source
  }

  /// - Parameter channel: of a BMC, when the command names one.
  func source(channel: Int?) -> String {
    guard let channel, let third = naming.third else { return baseSource }
    return channel == 3 ? third : "\(baseSource)-\(channel)"
  }

  /// All tools: those that the stock server has a parser for, then those that only this project's task sets run.
  public static let all: [CatalogTool] = [
    dmidecode, ohai, lshw, lspci, lsscsi, ipmiSELInformation, ipmiSEL, ipmiMC, ipmiFRU, ipmiLAN, ipmiUserSummary,
    ipmiUserList, megaraidCount, megaraidControllers, megaraidDrives, megaraidVolumes, perccliVersion, sas2flash,
    mellanox, eses, ami, flashupdt, smart, driveID, lldp, ip, esxcli, lsblk, ipJSON, megaCLI,
  ]

  /// The tool of that name; else the first one with a catalog of that name.
  public static func named(_ name: String) -> CatalogTool? {
    all.first { $0.name == name } ?? all.first { $0.baseSource == name || $0.naming.third == name }
  }
}

/// What a parser makes of an output.
struct ParsedOutput {
  var data: JSON
  var lookups: [Lookup] = []
  /// Why nothing is stored although the output could be parsed.
  var absence: String?

  init(_ data: JSON, lookups: [Lookup] = [], absence: String? = nil) {
    self.data = data
    self.lookups = lookups
    self.absence = absence
  }
}
