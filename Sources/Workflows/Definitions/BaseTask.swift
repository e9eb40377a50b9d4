import JSONDocument

/// A base task: the job that runs, and what a task definition that implements it must give. Users cannot add any.
public struct BaseTask: Sendable {
  /// A property that an earlier task of the graph must supply.
  struct RequiredProperty: Sendable {
    /// The path in the properties, with dots.
    let path: String
    let value: JSON
  }

  public let name: String
  /// The name of the job.
  public let runJob: String
  let properties: JSONObject
  let requiredProperties: [RequiredProperty]
  let requiredOptions: [String]
  let schema: JSONSchema?

  /// - Parameter name: without `Task.Base.`; the job has the same name unless `job` gives another.
  init(
    _ name: String, job: String? = nil, properties: JSON = [:], requiresMicrokernel: Bool = false,
    requiredOptions: [String] = [], schema: JSON? = nil
  ) {
    self.name = "Task.Base.\(name)"
    runJob = "Job.\(job ?? name)"
    self.properties = properties.objectValue ?? JSONObject()
    requiredProperties = requiresMicrokernel ? [RequiredProperty(path: "os.linux.type", value: "microkernel")] : []
    self.requiredOptions = requiredOptions
    self.schema = schema.map(JSONSchema.init)
  }

  /// - Returns: `nil` when there is no base task of that name.
  public static func named(_ name: String) -> BaseTask? { byName[name] ?? withoutJob(name) }

  /// The first words of the names of base tasks of the stock server whose jobs this server does not have (on-tasks,
  /// `lib/task-data/base-tasks`). Definitions that use them are stored; a run of them is refused.
  private static let familiesWithoutJobs: Set<String> = [
    "Ansible", "BootProfile", "Dell", "General", "Ipmi", "Os", "Poller", "Pollers", "Redfish", "Snmp", "Ssh", "UCS",
    "Ucs", "WinPE", "Wsman",
  ]

  private static func withoutJob(_ name: String) -> BaseTask? {
    let words = name.split(separator: ".", omittingEmptySubsequences: false)
    guard words.count >= 3, name.hasPrefix("Task.Base."), familiesWithoutJobs.contains(String(words[2])) else {
      return nil
    }
    return BaseTask(words.dropFirst(2).joined(separator: "."))
  }

  private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}
