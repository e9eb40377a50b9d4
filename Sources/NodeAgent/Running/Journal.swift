import Glibc
import JSONDocument
import MonorailProtocol
import SystemFiles

/// The memory of the task set in hand, in files that outlive the agent: which set, for whom, which task has started, and the
/// results so far. Every file is written whole or not at all.
///
///     <state>/journal/set.json      the set as it was served; the journal counts while this is there
///                     owner.json    the node's identity when it was served
///                     3.started     task 3 was begun and has no result yet; never begin it again. A line with its deadline
///                                   (Ticks), and behind it the identity of the command's process once there is one
///                     3.stdout 3.stderr     its output (OutputSpool)
///                     3.result      its result
///                     3.out 3.err   the named pipes that its output comes through, while it runs (OutputPipes)
///                     answered.json the set, renamed after the last answer to its report: its `exit` is still to be obeyed
///                     reserve       room for the notes above, should the medium fill up
///     <state>/lock                  locked (flock) by the agent that uses the journal
final class Journal {
  /// What is kept of a stream at least, in bytes: a page of memory, with the spool's header.
  private static let leastOutput = 4096 - SpoolHeader.size
  private static let reserveSize = 256 << 10

  let stateDirectory: String
  let directory: String
  private let lockFile: File

  /// Makes the directories. The journal is used only after `lock`.
  init(stateDirectory: String) throws(SystemError) {
    self.stateDirectory = stateDirectory
    directory = stateDirectory + "/journal"
    try FileSystem.makeDirectories(directory, mode: 0o700)
    lockFile = try File(stateDirectory + "/lock", O_RDWR | O_CREAT, mode: 0o600)
  }

  /// Keeps other agents away from this journal, as long as this object lives; never waits.
  ///
  /// - Returns: `false` when another agent, or a command that one was just starting when it was killed, has the lock.
  func lock() throws(SystemError) -> Bool {
    while flock(lockFile.descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { return false }
      guard errno == EINTR else { throw SystemError("lock \(lockFile.path)") }
    }
    return true
  }

  private var setPath: String { "\(directory)/set.json" }
  private var answeredPath: String { "\(directory)/answered.json" }
  private var ownerPath: String { "\(directory)/owner.json" }
  private var reservePath: String { "\(directory)/reserve" }
  func path(_ task: Int, _ what: String) -> String { "\(directory)/\(task).\(what)" }

  /// Takes a set in hand: from here on it survives the agent.
  func begin(_ text: [UInt8], owner: NodeIdentity) throws(SystemError) {
    try clear()
    do throws(SystemError) {
      try File(reservePath, O_WRONLY | O_CREAT, mode: 0o600).write([UInt8](repeating: 0, count: Self.reserveSize))
      try FileSystem.writeAtomically(Array(owner.json.text.utf8), to: ownerPath, mode: 0o600)
      try FileSystem.writeAtomically(text, to: setPath, mode: 0o600)
    } catch {
      try? clear()
      throw error
    }
  }

  private func write(_ bytes: [UInt8], _ task: Int, _ what: String) throws(SystemError) {
    try withReserve { () throws(SystemError) in
      try FileSystem.writeAtomically(bytes, to: path(task, what), mode: 0o600)
    }
  }

  /// Does it again without the reserve when the medium is full.
  private func withReserve<Result>(_ body: () throws(SystemError) -> Result) throws(SystemError) -> Result {
    do throws(SystemError) {
      return try body()
    } catch {
      guard error.errno == ENOSPC, unlink(reservePath) == 0 else { throw error }
      return try body()
    }
  }

  /// The set that an earlier agent had in hand, with its owner, or `nil`.
  ///
  /// - Throws: `SystemError`, with `EBADMSG` for a journal that is damaged: `startedTasks` may still run.
  func unfinished() throws(SystemError) -> (text: [UInt8], owner: NodeIdentity)? {
    guard let text = try FileSystem.contents(of: setPath) else {
      if startedTasks.isEmpty { return nil }
      throw SystemError("find the set of the tasks in \(directory)", errno: EBADMSG)
    }
    guard let ownerText = try FileSystem.contents(of: ownerPath),
      let owner = (try? JSON(parsing: ownerText)).flatMap({ NodeIdentity($0) })
    else { throw SystemError("read \(ownerPath)", errno: EBADMSG) }
    return (text, owner)
  }

  /// Notes that a task begins. Its command's process appends its identity to `startNote(of:)`.
  ///
  /// - Parameter deadline: the time of `Ticks` at which the command is told to end.
  func start(_ task: Int, deadline: Int? = nil) throws(SystemError) {
    try write(Array("\(deadline.map(String.init) ?? "")\n".utf8), task, "started")
  }

  func startNote(of task: Int) -> String { path(task, "started") }

  /// Whether it was ever begun.
  func hasStarted(_ task: Int) -> Bool {
    FileSystem.exists(path(task, "started")) || FileSystem.exists(path(task, "result"))
  }

  /// The tasks that were begun and have no result.
  var startedTasks: [Int] {
    FileSystem.names(in: directory).compactMap { $0.hasSuffix(".started") ? Int($0.dropLast(8)) : nil }.sorted()
  }

  /// What is noted of a task that was begun: when its time is up, and its command's process.
  func started(_ task: Int) -> (deadline: Int?, process: ProcessIdentity?) {
    guard let note = try? FileSystem.contents(of: startNote(of: task)) else { return (nil, nil) }
    let line = note.prefix { $0 != UInt8(ascii: "\n") }
    return (Int(String(decoding: line, as: UTF8.self)), ProcessIdentity(note: note.dropFirst(line.count + 1)))
  }

  func finish(_ task: Int, _ result: TaskResult) throws(SystemError) {
    // An output that is missing is empty, and takes no page of memory.
    for stream in ["stdout", "stderr"] {
      var status = stat()
      if stat(path(task, stream), &status) == 0, status.st_size == SpoolHeader.size {
        try FileSystem.remove(path(task, stream))
      }
    }
    try write(Array(result.json.text.utf8), task, "result")
    // Its page of memory is free again. That it stays does no harm.
    unlink(startNote(of: task))
  }

  /// - Returns: `nil` when there is none, or one that cannot be read.
  func result(of task: Int) -> TaskResult? {
    (try? FileSystem.contents(of: path(task, "result"))).flatMap { try? JSON(parsing: $0) }.flatMap { TaskResult($0) }
  }

  /// Makes the spools of a task that is to run, empty.
  ///
  /// - Parameter limit: bytes of each; less when that were over a quarter of what the medium has left, so that there is
  ///   always room for the tasks that follow.
  func makeSpools(of task: Int, limit: Int) throws(SystemError) -> TaskOutput<OutputSpool> {
    var space = statvfs()
    let free = statvfs(directory, &space) == 0 ? Int(space.f_bavail) * Int(space.f_frsize) : Int.max
    let limit = min(limit, max(Self.leastOutput, free / 4))
    return try withReserve { () throws(SystemError) in
      TaskOutput(
        stdout: try OutputSpool(path(task, "stdout"), limit: limit),
        stderr: try OutputSpool(path(task, "stderr"), limit: limit))
    }
  }

  /// Goes on with the spools that an earlier agent made.
  func reopenSpools(of task: Int) -> TaskOutput<OutputSpool> {
    TaskOutput(
      stdout: OutputSpool(reopening: path(task, "stdout")), stderr: OutputSpool(reopening: path(task, "stderr")))
  }

  /// The output that is kept of a task.
  func output(of task: Int) -> TaskOutput<SpooledOutput> {
    TaskOutput(stdout: SpooledOutput(path(task, "stdout")), stderr: SpooledOutput(path(task, "stderr")))
  }

  /// Notes, in one step, that the server has given its last answer to the report and that the set's `exit` is still to be
  /// obeyed. All else is forgotten.
  func conclude() throws(SystemError) {
    // After a set that could not be kept there is nothing to rename.
    guard FileSystem.exists(setPath) else { return }
    try FileSystem.move(setPath, answeredPath)
    for name in FileSystem.names(in: directory) where name != "answered.json" {
      try FileSystem.remove("\(directory)/\(name)")
    }
  }

  /// The set whose `exit` an earlier agent did not get to obey, or `nil`.
  func answered() throws(SystemError) -> [UInt8]? { try FileSystem.contents(of: answeredPath) }

  /// Forgets the set's `exit`: the agent ends now.
  func forgetAnswered() {
    if FileSystem.exists(answeredPath) { try? clear() }
  }

  /// Forgets the set: its report was accepted, or nobody wants it. The set goes first, so that a half-cleared journal is none.
  func clear() throws(SystemError) {
    try FileSystem.remove(setPath)
    for name in FileSystem.names(in: directory) { try FileSystem.remove("\(directory)/\(name)") }
  }
}

/// The two outputs of one task; one that could not be captured is missing.
struct TaskOutput<Stream> {
  var stdout: Stream?
  var stderr: Stream?
}
