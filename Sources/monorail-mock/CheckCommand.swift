import ArgumentParser
import Foundation
import JSONDocument
import Workflows

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check task and graph definitions, and print what each step would run on the node.",
    discussion: """
      EXAMPLES
        monorail-mock check flash.json tasks/*.json
        monorail-mock check flash.json --option download.file=bios.bin --option reboot.rebootCode=2

      FILE has a task definition, a graph definition, or a list of them, in the JSON of a stock server. Graphs may
      name tasks and graphs of all files, and those that this program has. Each graph of the files is printed as a
      tree: a task stands below the first one that it waits for. No server is needed.

      Mistakes go to standard error, one a line: file, definition, task, option, and what is wrong.

      A file that is no JSON is a mistake, too, and the other files are checked all the same.

      The exit code is 1 when there is a mistake; remarks on what is accepted but hardly meant do not count.
      """)

  @Argument(help: "Files with definitions.", completion: .file(extensions: ["json"]))
  var files: [String]

  @Option(
    name: .customLong("option"),
    help: ArgumentHelp(
      "An option of the run. The value is JSON; what is no JSON is text ('\"true\"' is the text true, true is not).",
      valueName: "label.name=value"))
  var options: [String] = []

  private static let mostValues = 1_000_000

  func run() throws {
    var library = try DefinitionLibrary.stock()
    var graphs: [(file: String, json: JSON)] = []
    var mistakes: [String] = []
    var remarks: [String] = []
    var origins: [String: String] = [:]
    for file in files {
      let data = try Self.read(file)
      let definitions: DefinitionFile
      do throws(JSONParseError) {
        definitions = DefinitionFile(try JSON(parsing: data, maximumValues: Self.mostValues))
      } catch {
        mistakes.append(Self.line(Self.mistake(error, in: data), file))
        continue
      }
      mistakes += definitions.mistakes.map { Self.line($0, file) }
      let names = definitions.tasks.map { $0["injectableName"] } + definitions.graphs.map { $0["injectableName"] }
      for name in names.compactMap({ $0?.stringValue }) {
        if let other = origins.updateValue(file, forKey: name) {
          mistakes.append("\(file): \(name) is defined in \(other), too")
        }
      }
      for task in definitions.tasks { try library.add(task: task) }
      for graph in definitions.graphs {
        if let definition = GraphDefinition.reading(graph, strictness: .file).0 { library.add(graph: definition) }
      }
      graphs += definitions.graphs.map { (file, $0) }
    }
    let request = RunRequest(options: try requestOptions(), target: "NODE", scope: Self.scope)
    for (index, graph) in graphs.enumerated() {
      let check = GraphCheck(graph.json, request, library: library, jobs: .stock)
      if index > 0, !check.text.isEmpty { print() }
      print(check.text, terminator: "")
      mistakes += check.mistakes.map { Self.line($0, graph.file) }
      remarks += check.remarks.map { "remark: " + Self.line($0, graph.file) }
    }
    // Two graphs that run the same one have what is wrong with it in common.
    var told: Set<String> = []
    for line in remarks + mistakes where told.insert(line).inserted { Self.complain(line) }
    if !mistakes.isEmpty { throw ExitCode(1) }
  }

  /// The server that templates name: as `monorail-mock serve` listens without other arguments.
  private static var scope: RenderScope {
    var server = JSONObject()
    server["apiServerAddress"] = "127.0.0.1"
    server["apiServerPort"] = 9080
    return RenderScope(server: server)
  }

  private static func read(_ file: String) throws -> Data {
    do {
      return try Data(contentsOf: URL(fileURLWithPath: file))
    } catch {
      throw ValidationError.cannotUse(file, as: "definitions", error)
    }
  }

  private static func mistake(_ error: JSONParseError, in data: Data) -> WorkflowError {
    let line = data.prefix(error.offset).count { $0 == UInt8(ascii: "\n") } + 1
    return WorkflowError("cannot be used as definitions: \(error.reason), in line \(line)")
  }

  private func requestOptions() throws -> JSONObject {
    var result = JSONObject()
    for option in options {
      guard let equals = option.firstIndex(of: "="), let dot = option[..<equals].lastIndex(of: "."),
        dot > option.startIndex,
        option.index(after: dot) < equals
      else { throw ValidationError("--option \(option): expected label.name=value") }
      let label = String(option[..<dot])
      let value = String(option[option.index(after: equals)...])
      var ofLabel = result[label]?.objectValue ?? JSONObject()
      ofLabel[String(option[option.index(after: dot)..<equals])] = (try? JSON(parsing: value)) ?? .string(value)
      result[label] = .object(ofLabel)
    }
    return result
  }

  /// `flash.json: Graph.Flash, task boot, option profile: …`
  private static func line(_ error: WorkflowError, _ file: String) -> String {
    let places = [error.definition, error.label.map { "task \($0)" }, error.option.map { "option \($0)" }]
    let place = places.compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ", ")
    return [file, place, error.message].filter { !$0.isEmpty }.joined(separator: ": ")
  }

  private static func complain(_ line: String) {
    FileHandle.standardError.write(Data((PrintableText.escaped(line) + "\n").utf8))
  }
}
