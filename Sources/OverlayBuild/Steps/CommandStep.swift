import Overlay
import Recipes

/// One of `commands`: a script that runs as root in base image and overlay.
struct CommandStep: BuildStep {
  let title = "commands"
  let needsWorkspace = true
  let place: Place
  private let command: Recipe.Command

  init(_ command: Located<Recipe.Command>) { (self.command, place) = (command.value, command.place) }

  func addInputs(to key: inout InputKey) throws(OverlayError) {
    key.add("script", command.script)
    key.add("network", command.hasNetwork ? "yes" : "no")
  }

  func run(_ overlay: any OverlayState, _ build: BuildContext, to result: String) throws(OverlayError) {
    let script = BuildContext.Script(
      text: command.script, hasNetwork: command.hasNetwork, name: "the command \"\(detail)\"", place: place)
    try build.run(script, in: try overlay.archive(), to: result)
  }

  var detail: String {
    let lines = command.script.split(whereSeparator: \.isNewline)
    let first = lines.first.map(String.init) ?? ""
    return lines.count > 1 || first.count > 60 ? "\(first.prefix(60)) …" : first
  }
}
