import JSONDocument

// Jobs that ask the server for one thing, and end as it does.

extension JobEvent {
  /// The end of a job that has asked for one thing.
  fileprivate var ending: [JobAction] {
    switch self {
    case .performed(.done): [.finish(.succeeded)]
    case .performed(.failed(let reason)): [.finish(.failed(reason))]
    default: []
    }
  }
}

/// `Job.Catalog.GenerateSku`: finds the node's SKU by the rules of all SKUs.
struct GenerateSKUJob: Job {
  private let node: String

  init(_ setting: JobSetting) throws(WorkflowError) { node = try setting.nodeOrOption() }

  var plan: [String] { ["server: finds the SKU of the node \(node)"] }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.generateSKU(node: node))] }
  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] { event.ending }
}

/// `Job.Catalog.GenerateTag`: gives nodes the tags whose rules match.
struct GenerateTagJob: Job {
  private let nodes: [String]

  init(_ setting: JobSetting) throws(WorkflowError) {
    guard let list = setting.options["nodeIds"]?.arrayValue, list.allSatisfy({ $0.stringValue != nil }) else {
      throw WorkflowError("\(setting.taskName): nodeIds (array of strings) is required", option: "nodeIds")
    }
    nodes = list.compactMap(\.stringValue)
  }

  var plan: [String] { ["server: gives tags to \(nodes.joined(separator: ", "))"] }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.generateTags(nodes: nodes))] }
  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] { event.ending }
}

/// `Job.Local.Catalog`: runs commands on the server, and stores what they print as catalogs of the node.
struct LocalCatalogJob: Job {
  private let node: String
  private let commands: [String]

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.nodeOrOption()
    commands = (setting.options["commands"]?.arrayValue ?? []).compactMap(\.stringValue)
  }

  var plan: [String] { commands.map { "server: \($0)" } }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.catalogHere(node: node, commands: commands))] }
  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] { event.ending }
}

/// `Job.Download.File`: the server downloads a file, which nodes then find under `files`.
struct DownloadJob: Job {
  private let url: String
  private let name: String

  init(_ setting: JobSetting) throws(WorkflowError) {
    url = try setting.string("uri")
    name = try setting.string("file")
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      throw WorkflowError("\(setting.taskName): uri begins with http:// or https://", option: "uri")
    }
    guard Self.isFileName(name) else {
      throw WorkflowError(
        "\(setting.taskName): file is a name without directories and control characters, 255 bytes at most",
        option: "file")
    }
  }

  var plan: [String] { ["server: downloads \(url) to its files, as \(name)"] }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.download(url: url, name: name))] }
  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] { event.ending }

  private static func isFileName(_ name: String) -> Bool {
    (1...255).contains(name.utf8.count) && ![".", ".."].contains(name)
      && name.utf8.allSatisfy { $0 >= 32 && $0 != 127 && $0 != UInt8(ascii: "/") }
  }
}
