import ArgumentParser
import JSONDocument
import Overlay

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List what an overlay archive holds, in the archive's order.",
    discussion: """
      One line an entry, like "ls -ln", times in UTC:
        -rwxr-xr-x     0     0       1024 2024-05-01 12:00:00 bin/tool
        lrwxrwxrwx     0     0          4 2024-05-01 12:00:00 bin/t -> tool
        crw-------     0     0        5,1 2024-05-01 12:00:00 dev/console
        c---------     0     0        0,0 2024-05-01 12:00:00 etc/motd (whiteout)
        -rwxr-xr-x     0     0          0 2024-05-01 12:00:00 bin/u link to bin/tool

      A whiteout hides what the base image has under that name. Of a file with
      several names the size stands with the name that has the data, often the last.
      Bytes of names that are not printable stand as \\ooo, in octal.

      --json prints a list of objects: path, type (file, directory, symlink, fifo,
      socket, character device, block device, whiteout), mode (octal), uid, gid,
      size, mtime (seconds since 1970), target, major, minor, links (the first name
      of the same file). A path or target that is not UTF-8 stands in hexadecimal as
      pathHex or targetHex besides.

      Of a file with several archives behind one another all entries are listed, with
      a warning: not every node reads more than the first archive.

      EXAMPLES
        monorail-overlay list discovery.overlay.cpio.gz
        monorail-overlay list --json x.cpio.gz | jq -r '.[].path'

      \(ExitCodes.help)
      """)

  @Argument(help: "The archive.", completion: .file())
  var archive: String

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var limits: LimitOptions

  func run() throws {
    try FileFormat.explaining(archive) { () throws(OverlayError) in try list() }
  }

  private func list() throws(OverlayError) {
    let reader = try ArchiveReader(archive, limits: limits.limits)
    let output = StandardOutput()
    var firstNames: [Entry.LinkGroup: OverlayPath] = [:]
    var isFirst = true
    // A person may want to see what stands before the damage.
    defer { try? output.finish() }
    while let entry = try reader.next() {
      let firstName = entry.links.flatMap { firstNames[$0] }
      if let links = entry.links, firstName == nil { firstNames[links] = entry.path }
      if json {
        try output.write((isFirst ? "[\n" : ",\n") + entry.json(links: firstName).text)
      } else {
        try output.write(Self.line(entry, linkedTo: firstName))
      }
      isFirst = false
    }
    if json { try output.write(isFirst ? "[]\n" : "\n]\n") }
    try output.finish()
    guard reader.parts.count > 1 else { return }
    Terminal.warn(
      "\(archive) holds \(reader.parts.count) archives behind one another, which not every node reads: see what verify"
        + " says, or unpack the file and pack one archive of all")
  }

  /// The entry's line, with its line break.
  static func line(_ entry: Entry, linkedTo firstName: OverlayPath?) -> String {
    let size: String
    var suffix = ""
    switch entry.kind {
    case .characterDevice(let device), .blockDevice(let device): size = "\(device)"
    case .symlink(let target):
      size = "\(target.count)"
      suffix = " -> \(OverlayPath.printable(target))"
    case .file, .directory, .fifo, .socket: size = "\(entry.size)"
    }
    if entry.isWhiteout { suffix = " (whiteout)" }
    if let firstName { suffix = " link to \(firstName)" }
    return "\(entry.modeText) \(right("\(entry.owner)", 5)) \(right("\(entry.group)", 5)) \(right(size, 10))"
      + " \(entry.timeText) \(entry.path)\(suffix)\n"
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }
}
