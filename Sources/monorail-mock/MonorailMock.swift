import ArgumentParser

@main
struct MonorailMock: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monorail-mock",
    abstract: "A monorail server for a developer's machine: hands tasks to nodes, keeps what they report.",
    subcommands: [ServeCommand.self, PruneCommand.self, ReportCommand.self, CatalogCommand.self, CheckCommand.self])
}
