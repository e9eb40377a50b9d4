import Foundation
import Overlay
import OverlayBuild
import Recipes
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: PackageStage.isPossible, "needs root and loop devices"), .timeLimit(.minutes(20)))
struct PackagesTests {
  @Test func `A package comes with what it depends on, and its manuals stay out`() async throws {
    let stage = try await PackageStage()
    try await stage.make(
      "tool", "1:2.0~1", "Depends: helper, libc6",
      more: "mkdir -p usr/share/doc/tool usr/share/man/man1; echo c >usr/share/doc/tool/copyright;"
        + " echo n >usr/share/doc/tool/NEWS; echo m >usr/share/man/man1/tool.1")
    try await stage.make("helper")
    try await stage.make("other")
    try await stage.index()
    let recipe = stage.recipe([.named("tool", version: nil)])
    try await stage.build(recipe)

    let entries = try stage.entries()
    #expect(entries["usr/bin/tool"]?.permissions == 0o755 && entries["usr/bin/helper"] != nil)
    #expect(entries["usr/bin/other"] == nil)
    #expect(entries["usr/share/doc/tool/copyright"] != nil)
    #expect(entries["usr/share/doc/tool/NEWS"] == nil && entries["usr/share/man/man1/tool.1"] == nil)
    #expect(!entries.keys.contains { $0.hasPrefix("run/") || $0.hasPrefix("var/lib/apt/lists") })
    #expect(entries.values.allSatisfy { $0.modified <= 1_700_000_000 })
    let states = try await stage.text("var/lib/apt/extended_states")
    #expect(states.contains("Package: helper\n") && !states.contains("Package: tool\n"))
    #expect(stage.lock.contains("\"name\": \"tool\",\n          \"version\": \"1:2.0~1\",\n"))

    var kept = recipe
    kept.keepsDocumentation = true
    try await stage.build(kept)
    #expect(try stage.entries()["usr/share/man/man1/tool.1"] != nil)
  }

  @Test func `A package's script finds the directories of manuals, which are not in the overlay`() async throws {
    let stage = try await PackageStage()
    try await stage.make(
      "tool",
      more:
        "printf '#!/bin/sh\\nset -e\\ntest -d /usr/share/man/man1\\ntest -d /usr/share/man/man8\\n' >DEBIAN/postinst;"
        + " chmod 755 DEBIAN/postinst")
    try await stage.index()
    try await stage.build(stage.recipe([.named("tool", version: nil)]))
    let entries = try stage.entries()
    #expect(entries["usr/bin/tool"] != nil && !entries.keys.contains { $0.hasPrefix("usr/share/man/man") })
  }

  @Test func `A version that is named is installed, also one that is older than what is there`() async throws {
    let stage = try await PackageStage()
    for version in ["1", "2", "3"] { try await stage.make("tool", version) }
    try await stage.index()
    let first = stage.recipe([.named("tool", version: nil)], name: "first")
    try await stage.build(stage.recipe([.named("tool", version: "1")]), included: [first])
    #expect(try await stage.text("usr/bin/tool") == "echo tool 1\n")
    #expect(stage.lock.contains("\"version\": \"3\"") && stage.lock.contains("\"recipe\": \"first.yaml\""))

    // Without a version, what is there already needs nothing.
    try await stage.build(stage.recipe([.named("tool", version: nil)]), included: [first])
    #expect(try await stage.text("usr/bin/tool") == "echo tool 3\n")
    try await stage.shell("rm recipe/x.lock")
    let second = stage.recipe([.named("tool", version: "2")], name: "second")
    try await stage.build(stage.recipe([.named("tool", version: nil)]), included: [second])
    #expect(try await stage.text("usr/bin/tool") == "echo tool 2\n")
  }

  @Test func `What the archives do not have is said with the line that asks for it`() async throws {
    let stage = try await PackageStage()
    try await stage.make("tool", "1", "Depends: nobody-has-this")
    try await stage.make("other")
    try await stage.index()
    let missing = try await stage.failure(
      stage.recipe([.named("other", version: "7"), .named("nothing", version: nil), .named("none", version: nil)]))
    #expect(
      missing == """
        x.yaml:4: packages: the archives have no version 7 of other
        x.yaml:5: packages: the archives have no package nothing
        x.yaml:6: packages: the archives have no package none
        """)
    let unmet = try await stage.failure(stage.recipe([.named("tool", version: nil)]))
    #expect(
      unmet.hasPrefix(
        "x.yaml:4: packages: tool : Depends: nobody-has-this but it is not installable\n"))
    #expect(try await stage.failure(stage.recipe([.named("other-", version: nil)])).hasPrefix("x.yaml:4: packages: "))
    var recipe = stage.recipe([.named("tool", version: nil)])
    recipe.archives[0].value = "deb [trusted=yes] \(stage.url)none ./"
    let failure = try await stage.failure(recipe)
    #expect(failure.hasPrefix("x.yaml:2: packages: the package lists cannot be fetched:\n"))
    #expect(stage.lock.isEmpty)
  }

  @Test func `A build from the lock needs no archive, and gives the same bytes`() async throws {
    let stage = try await PackageStage()
    try await stage.make(
      "tool", "1", "Depends: helper",
      more: """
        mkdir -p etc && echo 1 >etc/tool.conf
        printf '%s\\n' '#!/bin/sh' 'set -e' 'mkdir -p /etc/ssh' \
          'head -c 16 /dev/urandom >/etc/ssh/ssh_host_test_key' 'echo id$$ >/etc/machine-id' \
          'hostname >/etc/tool.host' 'date >/var/log/tool' 'useradd -r tool' >DEBIAN/postinst
        printf '%s\\n' '#!/bin/sh' 'rm -f /var/log/tool' >>DEBIAN/postinst
        chmod 755 DEBIAN/postinst
        """)
    try await stage.make("helper")
    try await stage.index()
    let recipe = stage.recipe([.named("tool", version: nil)])
    let first = try await stage.build(recipe)
    let entries = try stage.entries()
    #expect(entries["etc/ssh/ssh_host_test_key"] == nil)
    #expect(entries["etc/machine-id"]?.size == 0)
    #expect(try await stage.text("etc/tool.host") == "localhost\n")

    // A newer one does not matter any more; only the packages are fetched.
    try await stage.make("tool", "2")
    try await stage.index()
    let before = stage.requests.count
    let locked = try await stage.build(recipe, mode: .locked, cache: "other")
    #expect(locked.sha256 == first.sha256 && locked.lockChanges.isEmpty)
    #expect(stage.requests[before...].sorted() == ["/helper_1_all.deb", "/tool_1_all.deb"])
    let followed = try await stage.build(recipe)
    #expect(followed.isUnchanged && followed.lockChanges.isEmpty)

    // Another package keeps the version that the lock has, as long as the archives have it.
    try await stage.make("more")
    try await stage.index()
    let added = stage.recipe([.named("tool", version: nil), .named("more", version: nil)])
    #expect(try await stage.build(added).lockChanges.filter { $0.hasPrefix("packages") } == ["packages: + more 1"])
    let updated = try await stage.build(added, mode: .update)
    #expect(
      updated.lockChanges.filter { $0.hasPrefix("packages") } == ["packages: - helper 1", "packages: tool 1 -> 2"])
  }

  @Test func `A locked build says what the lock does not have`() async throws {
    let stage = try await PackageStage()
    try await stage.make("tool")
    try await stage.make("more")
    try await stage.index()
    let recipe = stage.recipe([.named("tool", version: nil)])
    #expect(try await stage.failure(recipe, mode: .locked).hasPrefix("there is no lock "))
    try await stage.build(recipe)
    let lock = stage.lock
    #expect(
      try await stage.failure(stage.recipe([.named("more", version: nil)]), mode: .locked)
        == "x.yaml:4: packages: x.lock does not fit the recipe: more is not in it, tool is no longer asked for;"
        + " build without --locked to add to it, or with --update to renew it")
    let included = stage.recipe([.named("more", version: nil)], name: "inner")
    #expect(
      try await stage.failure(recipe, included: [included], mode: .locked).hasPrefix(
        "inner.yaml:4: packages: x.lock has no packages for this; "))
    #expect(stage.lock == lock)
  }

  @Test(arguments: [
    "l['packages'] = [p for p in l['packages'] if p['name'] != 'tool']", "l['packages'] = []",
    "[p.update(requested=False) for p in l['packages']]", "l['packages'][0]['version'] = '9'",
    "l['packages'][0]['name'] = 'bash'", "l['packages'][0]['size'] += 1", "l['packages'].append(l['packages'][0])",
    "l['packages'][0]['url'] = 'http://127.0.0.1:9/x.deb'",
  ])
  func `A list of packages that somebody has changed is not used`(_ change: String) async throws {
    let stage = try await PackageStage()
    try await stage.make("tool", "1", "Depends: helper")
    try await stage.make("helper")
    try await stage.index()
    let recipe = stage.recipe([.named("tool", version: nil)])
    try await stage.build(recipe)
    let lock = stage.lock
    try await stage.shell(
      """
      python3 - <<'END'
      import json
      lock = json.load(open("recipe/x.lock"))
      l = lock["packages"][0]
      \(change)
      json.dump(lock, open("recipe/x.lock", "w"))
      END
      """)
    let error = try await stage.failure(recipe, mode: .locked)
    #expect(error.hasPrefix("x.yaml:4: packages: x.lock does not fit the recipe: "), "\(error)")
    #expect(["tool is not in it", "somebody has changed its packages"].contains { error.contains($0) }, "\(error)")
    try await stage.build(recipe)
    #expect(stage.lock == lock)
  }

  @Test(arguments: [
    ("'version'", "'9'", "tool 9 all"), ("'name'", "'bash'", "bash 1 all"), ("'size'", "7", "not the 7"),
  ])
  func `A package must be the one that the lock names, also when the whole lock was made to fit`(
    _ field: String, _ value: String, _ words: String
  ) async throws {
    let stage = try await PackageStage()
    try await stage.make("tool")
    try await stage.index()
    let recipe = stage.recipe([.named("tool", version: nil)])
    try await stage.build(recipe)
    // The first build without a lock would write this one, if the archive's index named the package so.
    try await stage.shell(
      """
      python3 - <<'END'
      import hashlib, json
      lock = json.load(open("recipe/x.lock"))
      set = lock["packages"][0]
      package = set["packages"][0]
      def parts(*texts):
          digest = hashlib.sha256()
          for text in texts:
              digest.update(b"%d:%s" % (len(text.encode()), text.encode()))
          return digest.hexdigest()
      request = parts("base", lock["base"]["sha256"], "archive", "\(stage.archive)", "name", "tool")
      def seal():
          p = package
          return parts(
              "request", request, "package", "%s %s %s %d" % (p["name"], p["version"], p["architecture"], p["size"]),
              "file", "%s %s" % (p["sha256"], str(p["requested"]).lower()), "url", p["url"])
      assert seal() == set["request"]
      package[\(field)] = \(value)
      set["request"] = seal()
      json.dump(lock, open("recipe/x.lock", "w"))
      END
      """)
    let error = try await stage.failure(recipe, mode: .locked)
    #expect(error.contains(words) && error.contains("Somebody has changed the lock"), "\(error)")
  }

  @Test func `A package that is gone from the archive, or is another one, is named`() async throws {
    let stage = try await PackageStage()
    try await stage.make("tool")
    try await stage.index()
    let recipe = stage.recipe([.named("tool", version: nil)])
    let summary = try await stage.build(recipe)
    try await stage.make("tool", more: "echo changed >usr/bin/tool")
    let changed = try await stage.failure(recipe, mode: .locked, cache: "other")
    #expect(
      changed.hasPrefix("x.yaml:4: packages: cannot fetch tool 1: GET \(stage.url)./tool_1_all.deb: the SHA-256 is "))
    #expect(changed.hasSuffix("; not used"))
    try await stage.shell("rm archive/*.deb")
    #expect(
      try await stage.failure(recipe, mode: .locked, cache: "other") == """
        x.yaml:4: packages: \(stage.url)./tool_1_all.deb, tool 1 of x.lock, is gone: the archive keeps only the newest versions
        Name a snapshot of the archive under "archives", or take what is newest with build --update.
        """)
    #expect(try Data(contentsOf: URL(filePath: summary.path)).count == summary.size)
  }

  @Test func `A package from a file comes with what it depends on`() async throws {
    let stage = try await PackageStage()
    try await stage.make("tool", "1:5", "Depends: helper", in: "recipe/debs")
    try await stage.make("helper")
    try await stage.index()
    let file = stage.scratch("recipe/debs/tool_1:5_all.deb")
    let recipe = stage.recipe([.file(file)])
    let first = try await stage.build(recipe)
    #expect(try stage.entries()["usr/bin/helper"] != nil && stage.lock.contains("\"version\": \"1:5\""))
    #expect(try await stage.build(recipe, mode: .locked, cache: "other").sha256 == first.sha256)

    try await stage.make("tool", "1:5", "Depends: helper", in: "recipe/debs", more: "echo 2 >usr/bin/tool")
    #expect(try await stage.failure(recipe, mode: .locked).contains("x.lock does not fit the recipe: "))
    #expect(try await stage.build(recipe).sha256 != first.sha256)

    try await stage.shell("echo junk >recipe/debs/junk.deb")
    let junk = try await stage.failure(stage.recipe([.file(file), .file(stage.scratch("recipe/debs/junk.deb"))]))
    #expect(
      junk.hasPrefix(
        "x.yaml:5: packages: debs/junk.deb is no Debian package: dpkg-deb: error: "))
    #expect(
      try await stage.failure(stage.recipe([.file(stage.scratch("recipe/debs/none.deb"))])).hasPrefix("x.yaml:4: "))
  }

  @Test func `A proxy of the environment is used for package lists, packages and downloads`() async throws {
    let stage = try await PackageStage()
    try await stage.make("tool")
    try await stage.index()
    // To a proxy a request names the whole URL; this server takes it for a path.
    try await stage.shell("mkdir -p 'archive/http:'; ln -s .. 'archive/http:/archive.invalid'; echo x >archive/file")
    try stage.scratch.write(
      """
      required: false
      archives: ["deb [trusted=yes] http://archive.invalid/ ./"]
      packages: [tool]
      download:
        - url: http://archive.invalid/file
          sha256: \(try await stage.shell("sha256sum archive/file").prefix(64))
          target: /etc/file
      """, to: "recipe/x.yaml")
    let process = try ChildProcess(
      [
        BuiltPrograms.path("monorail-overlay"), "build", stage.scratch("recipe/x.yaml"), "--base", stage.base,
        "--cache", stage.scratch("cache"), "--force", "-o", stage.scratch("x.overlay.cpio"),
      ], environment: ChildProcess.environment.merging(["http_proxy": stage.url]) { $1 })
    let result = try await process.result(within: .seconds(300))
    #expect(result.code == 0, "\(result.errors)")
    #expect(try await stage.text("usr/bin/tool") + stage.text("etc/file") == "echo tool 1\nx\n")
    #expect(stage.requests.contains("http://archive.invalid/file"))
  }
}
