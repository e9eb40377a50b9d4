import Foundation
import Overlay
import TestSupport
import Testing

@testable import Recipes

struct RecipeReadingTests {
  /// A recipe with every key, and with each form of its value.
  static let everything = """
    name: discovery-1.0
    description: All of it
    variables:
      server: 10.1.1.1
      port: 9080
      empty: ""
    from:
      - base.yaml
      - vendor/tools.cpio.gz
    archives:
      - deb http://deb.debian.org/debian bookworm main contrib
      - deb [arch=amd64 trusted=yes] https://example.org/debs ./
    packages:
      - pciutils
      - libc6:i386
      - name: ipmitool
        version: 1.8.19-4
      - deb: debs/x.deb
    documentation: keep
    download:
      - url: https://example.org/tool
        sha256: 0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef
        target: /usr/local/bin/fetched
        mode: 0755
        owner: 1000:50
    files:
      - source: tools/my-tool
        target: /usr/local/bin/my-tool
        mode: "4755"
        owner: root
      - source: tree
        target: /
        owner: 33:33
      - content: |
          server={{server}}
          port={{ port }}{{empty}}
        target: /etc/my.conf
        template: true
      - content: "{{as it is}}"
        target: /etc/other.conf
      - source: motd
        target: /etc/motd
        template: true
      - directory: true
        target: /var/lib/my/
        mode: 0700
    links:
      /usr/bin/my-tool: ../local/bin/my-tool
    modules:
      - mod
      - source: mod
        load: false
        place: updates
    commands:
      - useradd operator
      - run: |
          apt-get update
          true
        network: true
    services:
      - ssh
      - name: cron
        enabled: false
    hooks: |
      modprobe ipmi_si
    remove:
      - /etc/issue.net
    required: false
    compression:
      format: zstd
      level: 19
    ignore:
      - usr/lib/python3*:interpreter
    """

  static let files = [
    "base.yaml": "{}", "vendor/tools.cpio.gz": "", "debs/x.deb": RecipeStage.debianPackage, "tools/my-tool": "",
    "tree/etc/x": "",
    "motd": "I am {{server}}\n", "mod/Makefile": "obj-m := x.o\n",
  ]

  @Test func `Every key is read, with each form of its value`() throws {
    let stage = try RecipeStage(Self.everything, files: Self.files)
    stage.permissions.hasNetwork = true
    let set = try stage.load()
    let recipe = set.built
    #expect(set.included.map(\.file) == [stage("base.yaml")])
    #expect(recipe.file == stage("a.yaml"))
    #expect(recipe.directory == stage.directory)
    #expect(recipe.name == Located("discovery-1.0", Place(stage("a.yaml"), line: 1)))
    #expect(recipe.summary?.value == "All of it")
    #expect(recipe.variables.mapValues(\.value) == ["server": "10.1.1.1", "port": "9080", "empty": ""])
    #expect(recipe.from.map(\.value) == [.recipe(stage("base.yaml")), .archive(stage("vendor/tools.cpio.gz"))])
    #expect(
      recipe.archives.map(\.value) == [
        "deb http://deb.debian.org/debian bookworm main contrib",
        "deb [arch=amd64 trusted=yes] https://example.org/debs ./",
      ])
    #expect(
      recipe.packages.map(\.value) == [
        .named("pciutils", version: nil), .named("libc6:i386", version: nil), .named("ipmitool", version: "1.8.19-4"),
        .file(stage("debs/x.deb")),
      ])
    #expect(recipe.packages.map(\.place.line) == [14, 15, 16, 18])
    #expect(recipe.keepsDocumentation)
    var download = Recipe.Download(
      url: "https://example.org/tool", sha256: String(repeating: "0123456789abcdef", count: 4),
      target: try OverlayPath("usr/local/bin/fetched"))
    (download.attributes.permissions, download.attributes.owner, download.attributes.group) = (0o755, 1000, 50)
    #expect(recipe.downloads.map(\.value) == [download])
    #expect(
      recipe.files.map(\.value.origin) == [
        .path(stage("tools/my-tool")), .path(stage("tree")), .text("server=10.1.1.1\nport=9080\n"),
        .text("{{as it is}}"), .template(path: stage("motd"), text: "I am 10.1.1.1\n"), .directory,
      ])
    #expect(
      recipe.files.map { "/\($0.value.target)" } == [
        "/usr/local/bin/my-tool", "/.", "/etc/my.conf", "/etc/other.conf", "/etc/motd", "/var/lib/my",
      ])
    #expect(recipe.files.map(\.value.attributes.permissions) == [0o4755, nil, nil, nil, nil, 0o700])
    #expect(recipe.files[1].value.attributes.owner == 33)
    #expect(recipe.links.map(\.value) == [Recipe.Link(try OverlayPath("usr/bin/my-tool"), to: "../local/bin/my-tool")])
    #expect(recipe.modules.map(\.value.isLoaded) == [true, false])
    #expect(recipe.modules.map(\.value.place) == ["extra", "updates"])
    #expect(recipe.commands.map(\.value.script) == ["useradd operator", "apt-get update\ntrue\n"])
    #expect(recipe.commands.map(\.value.hasNetwork) == [false, true])
    #expect(recipe.services.map(\.value.name) == ["ssh", "cron"])
    #expect(recipe.services.map(\.value.isEnabled) == [true, false])
    #expect(recipe.hooks.map(\.value) == ["modprobe ipmi_si\n"])
    #expect(recipe.removals.map(\.value) == [try OverlayPath("etc/issue.net")])
    #expect(!recipe.hasRequiredFiles)
    #expect(recipe.compression?.value == Recipe.Compression(.zstd, level: 19))
    #expect(recipe.ignored.map(\.value.description) == ["usr/lib/python3*:interpreter"])
  }

  @Test func `A recipe that says nothing has the file's name and the required files`() throws {
    let recipe = try RecipeStage("{}").load().built
    #expect(recipe.name.value == "a")
    #expect(recipe.hasRequiredFiles)
    #expect(!recipe.keepsDocumentation)
    #expect(recipe.compression == nil)
  }

  @Test(arguments: [("0755", 0o755), ("\"755\"", 0o755), ("755", 0o755), ("0", 0), ("7777", 0o7777)])
  func `Modes are octal, however they are written`(text: String, mode: UInt32) throws {
    let stage = try RecipeStage("files: [{content: x, target: /x, mode: \(text)}]")
    #expect(try stage.load().built.files.first?.value.attributes.permissions == mode)
  }

  @Test(arguments: [("gzip", CompressionFormat.gzip), ("none", .none), ("{format: xz}", .xz)])
  func `A compression can do without a level`(text: String, format: CompressionFormat) throws {
    let compression = try RecipeStage("compression: \(text)").load().built.compression?.value
    #expect(compression == Recipe.Compression(format))
  }

  @Test func `Texts are what stands there, also where YAML knows numbers, dates and truths`() throws {
    let stage = try RecipeStage(
      "variables: {a: 1.10, b: yes, c: 2024-01-01, d: 0x10}\nfiles: [{content: '{{a}} {{b}} {{c}} {{d}}', target: /x, template: true}]"
    )
    #expect(try stage.load().built.files.first?.value.origin == .text("1.10 yes 2024-01-01 0x10"))
  }

  @Test(arguments: ["make && ./x *.ko 2>&1 &", "cp *.ko /lib &", "echo 'a: b' | sed s,a,b, # no"])
  func `A command of a shell is text in a block`(script: String) throws {
    let stage = try RecipeStage("commands:\n  - |\n    \(script)\n  - \(script.contains(": ") ? "x" : script)\n")
    #expect(try stage.load().built.commands.first?.value.script == script + "\n")
  }
}
