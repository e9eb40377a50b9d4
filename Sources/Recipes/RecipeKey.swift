/// The keys of a recipe.
enum RecipeKey: String, CaseIterable {
  case name, description, variables, from, packages, archives, documentation, download, files, links, modules, commands,
    services, hooks, remove, required, compression, ignore

  /// What its value looks like, for messages.
  var example: String {
    switch self {
    case .name: "name: discovery"
    case .description: "description: Tools for the inventory"
    case .variables: "variables: {server: 10.1.1.1}"
    case .from: "from: [common.yaml]"
    case .archives: "archives: [deb http://deb.debian.org/debian bookworm main]"
    case .packages: "packages: [pciutils, {name: ipmitool, version: 1.8.19-4}, {deb: debs/tool.deb}]"
    case .documentation: "documentation: keep"
    case .download: "download: [{url: https://example.org/tool, sha256: DIGEST, target: /usr/local/bin/tool}]"
    case .files: "files: [{source: my-tool, target: /usr/local/bin/my-tool}]"
    case .links: "links: {/usr/local/sbin/MegaCli64: /opt/MegaRAID/MegaCli/MegaCli64}"
    case .modules: "modules: [my-module]"
    case .commands: "commands: [ldconfig]"
    case .services: "services: [ssh]"
    case .hooks: "hooks: modprobe ipmi_si"
    case .remove: "remove: [/etc/motd]"
    case .required: "required: false"
    case .compression: "compression: zstd"
    case .ignore: "ignore: [\"usr/lib/python3*:interpreter\"]"
    }
  }

  /// The keys of a map that is the value, or a part of it.
  var fields: [String] {
    switch self {
    case .packages: ["name", "version", "deb"]
    case .download: ["url", "sha256", "target", "mode", "owner"]
    case .files: ["source", "content", "directory", "target", "mode", "owner", "template"]
    case .modules: ["source", "load", "place"]
    case .commands: ["run", "network"]
    case .services: ["name", "enabled"]
    case .compression: ["format", "level"]
    default: []
    }
  }
}
