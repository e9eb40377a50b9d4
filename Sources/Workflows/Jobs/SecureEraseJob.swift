import JSONDocument

/// `Job.Drive.SecureErase`: erases disks of the node with the script `secure_erase.py`, one command for each entry of
/// `eraseSettings`. A disk is named by its device or by the `identifier` of the catalog `driveId`. Nothing is stored.
struct SecureEraseJob: Job {
  private static let tools = ["scrub", "hdparm", "sg_format", "sg_sanitize"]
  private static let source = "driveId"

  private struct Entry: Equatable {
    let disks: [JSON]
    let tool: String
    let argument: String?
  }

  private let node: String
  private let taskId: String
  private let options: JSONObject
  private let entries: [Entry]
  private let baseURI: String
  private var taskSet: JSON?
  private var isHandedOut = false

  init(_ setting: JobSetting) throws(WorkflowError) {
    node = try setting.node()
    taskId = setting.taskId
    options = setting.options
    baseURI = try setting.string("baseUri")
    func refusal(_ text: String) -> WorkflowError {
      WorkflowError("\(setting.taskName): \(text)", option: "eraseSettings")
    }
    guard let settings = setting.options["eraseSettings"]?.arrayValue, !settings.isEmpty else {
      throw refusal("eraseSettings (array) is required, with one entry or more")
    }
    var entries: [Entry] = []
    for settings in settings {
      guard let disks = settings["disks"]?.arrayValue, !disks.isEmpty else {
        throw refusal("each of eraseSettings has disks (array), with one disk or more")
      }
      let tool = settings["tool"]?.stringValue ?? Self.tools[0]
      guard Self.tools.contains(tool) else {
        throw refusal("the tool \(tool) is none of \(Self.tools.joined(separator: ", "))")
      }
      let argument = settings["arg"].flatMap { $0 == .null ? nil : $0.interpolated }
      entries.append(Entry(disks: disks, tool: tool, argument: argument))
    }
    self.entries = entries
  }

  var templateValues: JSONObject? { options }

  var plan: [String] {
    entries.map { "node: erases \($0.disks.map(\.interpolated).joined(separator: ", ")) with \($0.tool)" }
  }

  mutating func start(at now: Int) -> [JobAction] { [.perform(.readCatalogs(node: node, sources: [Self.source]))] }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    switch event {
    case .performed(.failed(let reason)): return [.finish(.failed(reason))]
    case .performed(.done(let catalogs)):
      guard let drives = catalogs[Self.source]?["data"]?.arrayValue else {
        return [.finish(.failed("the node has no catalog \(Self.source), which names its disks"))]
      }
      do throws(WorkflowError) {
        taskSet = try makeTaskSet(drives)
        return []
      } catch { return [.finish(.failed(error.message))] }
    case .asked:
      guard let taskSet else { return [] }
      guard !isHandedOut else { return [.answerEmpty] }
      isHandedOut = true
      return [.handOut(taskSet)]
    case .reported(let report):
      guard let reported = ReportedTasks(report), !reported.hasFailure else { return [.finish(ReportedTasks.failure)] }
      return [.finish(.succeeded)]
    default: return []
    }
  }

  private func makeTaskSet(_ drives: [JSON]) throws(WorkflowError) -> JSON {
    var tasks: [JSON] = []
    for entry in entries {
      var records: [JSON] = []
      for disk in entry.disks {
        guard let record = drives.first(where: { Self.names(disk, $0) }) else {
          throw WorkflowError("the disk \(disk.interpolated) is not in the catalog \(Self.source)")
        }
        records.append(record)
      }
      var words = ["-i", taskId, "-s", "\(baseURI)/notification/progress", "-t", entry.tool]
      for record in records { words += ["-d", record.text] }
      if let argument = entry.argument { words += ["-o", argument] }
      // A volume of a RAID controller is erased through the controller's tool.
      if records.contains(where: { $0["virtualDisk"]?.stringValue?.isEmpty == false }) { words += ["-v", "lsi"] }
      var task = JSONObject()
      task["cmd"] = .string("sudo python secure_erase.py " + words.map(Self.quoted).joined(separator: " "))
      if tasks.isEmpty {
        task["downloadUrl"] = .string("\(baseURI)/templates/secure_erase.py?nodeId=\(node)")
      }
      tasks.append(.object(task))
    }
    return ["identifier": .string(node), "tasks": .array(tasks)]
  }

  /// Whether that is the disk of a record: its device, with or without `/dev/`, or its identifier.
  private static func names(_ disk: JSON, _ record: JSON) -> Bool {
    if let number = disk.intValue { return record["identifier"]?.intValue == number }
    func device(_ name: String) -> Substring { name.hasPrefix("/dev/") ? name.dropFirst(5) : name[...] }
    guard let name = disk.stringValue, let other = record["devName"]?.stringValue else { return false }
    return device(name) == device(other)
  }

  /// A word of a shell's command.
  private static func quoted(_ word: String) -> String {
    let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,"
    if !word.isEmpty, word.allSatisfy(plain.contains) { return word }
    return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
