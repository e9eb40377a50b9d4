import ArgumentParser

@main
struct MonorailOverlay: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "monorail-overlay", abstract: "Makes, changes, checks and publishes overlays.", subcommands: [])
}
