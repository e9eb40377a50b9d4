import Overlay
import Recipes

/// `services`: which services the node starts at boot, whether its init is systemd or sysvinit.
struct ServicesStep: BuildStep {
  let title = "services"
  let needsWorkspace = true
  let place: Place
  private let services: [Located<Recipe.Service>]

  /// `nil` when the recipe has none.
  init?(_ recipe: Recipe) {
    guard let first = recipe.services.map(\.place).min() else { return nil }
    (services, place) = (recipe.services, first)
  }

  func addInputs(to key: inout InputKey) throws(OverlayError) {
    for service in services { key.add(service.value.name, service.value.isEnabled ? "enabled" : "disabled") }
  }

  func run(_ overlay: any OverlayState, _ build: BuildContext, to result: String) throws(OverlayError) {
    var words: [String] = []
    for service in services {
      words += ["\(service.place)", service.value.name, service.value.isEnabled ? "enable" : "disable"]
    }
    let script = BuildContext.Script(text: Self.script, arguments: words, name: "services", place: place)
    try build.run(script, in: try overlay.archive(), to: result)
  }

  /// Gets three words for each service: its place in the recipe, its name, and what to do. A unit of systemd is enabled by
  /// systemctl, which works on files alone, and a script of sysvinit by update-rc.d. A service can have both.
  private static let script = """
    while [ $# -gt 0 ]; do
      place=$1 name=$2 action=$3 found=
      shift 3
      for directory in /etc/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
        [ -e "$directory/$name.service" ] || [ -e "$directory/$name" ] || continue
        if command -v systemctl >/dev/null; then
          systemctl --root=/ --quiet "$action" "$name"
          found=yes
          break
        fi
      done
      if [ -x "/etc/init.d/$name" ] && command -v update-rc.d >/dev/null; then
        [ "$action" = disable ] || update-rc.d "$name" defaults
        update-rc.d "$name" "$action"
        found=yes
      fi
      if [ -z "$found" ]; then
        echo "$place: there is no service $name: neither overlay nor base image has a unit of systemd with systemctl," \\
          "or an executable /etc/init.d/$name with update-rc.d" >&2
        exit 1
      fi
    done
    """
}
