import ArgumentParser
import Foundation
import MonorailStore

struct PruneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Remove old runs, reports, task sets, catalogs and lines of syslog from a server's directory.",
    discussion: """
      The newest catalog of each source of a node stays, and so do nodes, definitions, settings, uploaded files, and
      what a run that has not ended needs. The server must not run: for one that runs, there is serve --keep.
      """)

  @Option(help: ArgumentHelp("The server's directory, as given to serve.", valueName: "dir"), completion: .directory)
  var data: String

  @Option(help: ArgumentHelp("Remove what is older than so many days.", valueName: "days"))
  var keep: Int

  func validate() throws {
    guard (0...100_000).contains(keep) else { throw ValidationError("--keep is 0 to 100000 days") }
  }

  func run() async throws {
    guard FileManager.default.fileExists(atPath: data + "/" + Store.databaseName) else {
      throw ValidationError("there is no database in \(data): give the directory that serve --data has")
    }
    do {
      var configuration = StoreConfiguration()
      configuration.directory = data
      let store = try Store(configuration)
      let count = try await store.prune(keepDays: keep)
      print(
        """
        removed \(count.runs) runs, \(count.taskSets) task sets, \(count.reports) reports, \(count.catalogs) catalogs, \
        \(count.syslogLines) lines of syslog
        """)
      try store.close()
    } catch let error as StoreError {
      FileHandle.standardError.write(Data("monorail-mock: \(error)\n".utf8))
      throw ExitCode.failure
    }
  }
}
