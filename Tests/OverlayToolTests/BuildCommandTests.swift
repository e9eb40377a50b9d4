import Foundation
import Overlay
import TestSupport
import Testing

/// A recipe in a directory of its own, and a base image that it is for.
final class RecipeStage {
  let scratch: ToolScratch

  /// - Parameters:
  ///   - recipe: its text; it is in `r/x.yaml`.
  ///   - base: a script that changes the root of the base image, where it runs.
  init(_ recipe: String, base: String = ":") throws {
    scratch = try ToolScratch()
    try scratch.shell(
      """
      mkdir -p base/bin base/etc r/sub
      cp "$(command -v busybox)" base/bin/busybox
      for name in sh ldconfig; do ln -s busybox base/bin/$name; done
      echo base >base/etc/motd
      (cd base; \(base))
      mksquashfs base base.img -quiet -no-progress -all-root >/dev/null
      printf 'tool\\n' >r/my-tool; chmod 755 r/my-tool
      """)
    try scratch.write(recipe, to: "r/x.yaml")
  }

  /// What builds the recipe to x.overlay.cpio.gz.
  static let arguments = ["build", "r/x.yaml", "--base", "base.img", "-o", "x.overlay.cpio.gz", "--cache", "cache"]

  func build(_ options: String..., environment: [String: String] = [:]) throws -> ToolRun {
    try ToolRun(Self.arguments + options, in: scratch.path, environment: environment)
  }

  /// Builds it in a mount namespace, after a script.
  func build(after script: String) throws -> ToolRun {
    try ToolRun(
      ["--mount", "sh", "-euc", "\(script)\nexec \"$@\"", "sh", ToolRun.program] + Self.arguments, in: scratch.path,
      program: "/usr/bin/unshare")
  }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: scratch(name)) }
}

struct BuildCommandTests {
  private static let simple = """
    files:
      - {source: my-tool, target: /usr/local/bin/my-tool}
    remove: [/etc/motd]

    """

  @Test func `A recipe becomes an overlay with lock, bill of materials and origins, and then nothing changes`() throws {
    let stage = try RecipeStage(Self.simple)
    let first = try stage.build()
    #expect(first.status == 0 && first.output == "", "\(first.errors)")
    #expect(first.errors.contains("r/x.lock is new"))
    for name in ["x.overlay.cpio.gz", "x.overlay.cpio.gz.spdx.json", "x.overlay.cpio.gz.origins.json", "r/x.lock"] {
      #expect(stage.exists(name), "\(name)")
    }
    let digest = try stage.scratch.sha256("x.overlay.cpio.gz")
    #expect(first.errors.contains("sha256 \(digest)\n"))
    let second = try stage.build()
    #expect(second.status == 0 && second.errors.hasSuffix("sha256 \(digest), unchanged\n"), "\(second.errors)")
    let verified = try stage.scratch.tool("verify", "x.overlay.cpio.gz", "--base", "base.img")
    #expect(verified.status == 0, "\(verified.output)")
    let explained = try stage.scratch.tool("explain", "x.overlay.cpio.gz", "/usr/local/bin/my-tool")
    #expect(explained.output.contains("  from  x.yaml:2, files: my-tool"), "\(explained.output)")
  }

  @Test func `Mistakes are named with file and line, all of them, and nothing is written`() throws {
    let stage = try RecipeStage(
      "fils: []\nfiles:\n  - {source: none, target: /x}\n  - {source: ../base.img, target: /y}\n")
    let check = try stage.scratch.tool("build", "r/x.yaml", "--check")
    #expect(check.status == 1 && check.output == "")
    let lines = check.errors.split(separator: "\n")
    #expect(lines.count == 3, "\(check.errors)")
    for (line, start) in zip(lines, ["r/x.yaml:1: ", "r/x.yaml:3: ", "r/x.yaml:4: "]) {
      #expect(line.hasPrefix(start), "\(check.errors)")
    }
    let build = try stage.build()
    #expect(build.status == 2 && build.errors == check.errors)
    #expect(!stage.exists("x.overlay.cpio.gz") && !stage.exists("r/x.lock"))
  }

  @Test func `A recipe without mistakes passes the check without a base image`() throws {
    let stage = try RecipeStage(Self.simple)
    let run = try stage.scratch.tool("build", "r/x.yaml", "--check")
    #expect(run.status == 0 && run.errors == "monorail-overlay: r/x.yaml: no mistakes\n", "\(run.errors)")
  }

  @Test func `What is outside of the recipe's directory is read only when it is allowed`() throws {
    let stage = try RecipeStage("files:\n  - {source: ../base/etc/motd, target: /etc/other}\n")
    let refused = try stage.build()
    #expect(refused.status == 2 && refused.errors.contains("--allow"), "\(refused.errors)")
    #expect(try stage.build("--allow", "base/etc").status == 0)
  }

  @Test(arguments: ["r", "r/sub", "./r/sub/..", "r/link"])
  func `A relative path under --allow is that of the directory where the program runs, and opens nothing else`(
    path: String
  ) throws {
    let stage = try RecipeStage("files:\n  - {source: ../base/etc/motd, target: /etc/other}\n")
    try stage.scratch.shell("ln -s sub r/link")
    let refused = try stage.build("--allow", path)
    #expect(refused.status == 2 && refused.errors.contains("leads out of the recipe's directory"), "\(refused.errors)")
    #expect(try stage.build("--allow", ".").status == 0)
    #expect(try stage.build("--allow", "r/..").status == 0)
  }

  @Test func `A user without root builds what needs no workspace, and is told where root is needed`() throws {
    let stage = try RecipeStage(Self.simple)
    let digest = String(repeating: "0", count: 64)
    try stage.scratch.write(
      "download: [{url: \"http://127.0.0.1:9/x\", sha256: \"\(digest)\", target: /x}]\ncommands: [\"true\"]\n",
      to: "r/root.yaml")
    try stage.scratch.shell("chmod 755 .; chown -R 65534:65534 r; mkdir out; chown 65534:65534 out")
    let run = "setpriv --reuid=65534 --regid=65534 --clear-groups \"$tool\" build --base base.img --cache out/cache"
    try stage.scratch.shell("\(run) r/x.yaml -o out/x.overlay.cpio.gz 2>log")
    #expect(stage.exists("out/x.overlay.cpio.gz"))
    try stage.scratch.shell("! \(run) r/root.yaml -o out/y.overlay.cpio.gz 2>log")
    let log = stage.scratch.text(of: "log")
    #expect(
      log.contains("r/root.yaml:2: \"commands\" needs a workspace") && log.contains("with sudo"), "\(log)")
    // It is said before anything is fetched.
    #expect(!log.contains("GET") && !stage.exists("out/y.overlay.cpio.gz"))
  }

  @Test func `With --locked, other files than those of the lock are refused by name`() throws {
    let stage = try RecipeStage(Self.simple)
    let none = try stage.build("--locked")
    #expect(none.status == 2 && none.errors.contains("there is no lock r/x.lock"), "\(none.errors)")
    #expect(try stage.build().status == 0)
    let digest = try stage.scratch.sha256("x.overlay.cpio.gz")
    #expect(try stage.build("--locked").status == 0)

    try stage.scratch.shell("cp \(Repository.path("rc.local")) rc.local; echo '# other' >>rc.local")
    let script = try stage.build("--locked", "--rc-local", "rc.local")
    #expect(
      script.status == 2 && script.errors.contains("rc.local is not the file that r/x.lock names"), "\(script.errors)")

    try stage.scratch.shell("mksquashfs base other.img -quiet -no-progress -all-root -mkfs-time 1 >/dev/null")
    let base = try stage.build("--locked", "--base", "other.img")
    #expect(base.status == 2 && base.errors.contains("is not the base image that r/x.lock names"), "\(base.errors)")
    #expect(try stage.scratch.sha256("x.overlay.cpio.gz") == digest)
  }

  @Test func `With --locked, the name of the base image and the order of the lock do not matter`() throws {
    let stage = try RecipeStage(Self.simple)
    #expect(try stage.build().status == 0)
    let lock = stage.scratch.text(of: "r/x.lock")
    try stage.scratch.shell(
      """
      mv base.img other.img
      python3 - <<'END'
      import json
      lock = json.load(open("r/x.lock"))
      lock["files"].reverse()
      json.dump(lock, open("r/x.lock", "w"))
      END
      """)
    let run = try stage.build("--locked", "--base", "other.img")
    #expect(run.status == 0, "\(run.errors)")
    try stage.scratch.write(lock, to: "r/x.lock")
    #expect(try stage.build("--base", "other.img").status == 0)
    #expect(stage.scratch.text(of: "r/x.lock") == lock)
  }

  @Test func `With --locked, what the lock does not have is said before anything is done`() throws {
    let stage = try RecipeStage(Self.simple)
    #expect(try stage.build().status == 0)
    let digest = try stage.scratch.sha256("x.overlay.cpio.gz")
    try stage.scratch.shell(
      """
      python3 - <<'END'
      import json
      lock = json.load(open("r/x.lock"))
      lock["downloads"].append({"url": "http://a/b", "sha256": "0" * 64})
      json.dump(lock, open("r/x.lock", "w"))
      END
      rm -r cache
      """)
    let run = try stage.build("--locked")
    #expect(run.status == 2 && run.errors.hasSuffix("renew it:\ndownload: - http://a/b\n"), "\(run.errors)")
    #expect(!run.errors.contains("packing"), "\(run.errors)")
    #expect(try stage.scratch.sha256("x.overlay.cpio.gz") == digest)
  }

  @Test(arguments: [
    ("r/x.yaml", "it is the recipe r/x.yaml, which the build reads"), ("./r/../r/x.lock", "it is the lock"),
    ("base.img", "it is the base image"), ("same.img", "it is the base image"), ("link", "it is one of the files"),
    ("r/my-tool", "it is one of the files (r/x.yaml:3)"),
    ("r/old.cpio", "it is an archive under \"from\" (r/x.yaml:1)"),
    ("r/sub/x.cpio", "it is in a directory under \"files\" (r/x.yaml:4)"), ("cache/x.cpio", "it is in the cache"),
    ("d.cpio", "it is a directory; move it away"), ("f.cpio", "it is a device, a pipe or a socket; move it away"),
    ("r/x.yaml.cpio", "it is the lock"),
  ])
  func `An output in the place of something that the build reads is refused, and everything stays`(
    output: String, words: String
  ) throws {
    let stage = try RecipeStage(
      """
      from: [old.cpio]
      files:
        - {source: my-tool, target: /usr/local/bin/my-tool}
        - {source: sub, target: /opt/sub}

      """)
    try stage.scratch.shell(
      """
      mkdir old d.cpio.spdx.json; "$tool" pack old -o r/old.cpio --no-required; ln base.img same.img
      ln -s r/my-tool link; mkfifo f.cpio.origins.json; cp r/x.yaml keep; mkdir cache
      """)
    let options = output == "r/x.yaml.cpio" ? ["--lock", "r/x.yaml.cpio.spdx.json"] : []
    let list =
      "{ find . -type f ! -name '*.list' -exec sha256sum {} + | sort; find . -path ./cache -prune -o ! -type f -print | sort; }"
    try stage.scratch.shell("\(list) >before.list")
    let run = try ToolRun(
      ["build", "r/x.yaml", "--base", "base.img", "--cache", "cache", "-o", output] + options, in: stage.scratch.path)
    #expect(run.status == 2 && run.errors.contains("cannot write \(output)"), "\(run.errors)")
    #expect(run.errors.contains(words), "\(run.errors)")
    try stage.scratch.shell("\(list) >after.list; cmp before.list after.list")
  }

  @Test func `The same recipe in another directory gives the same bytes with the same lock`() throws {
    let stage = try RecipeStage(Self.simple)
    #expect(try stage.build().status == 0)
    try stage.scratch.shell(
      "mkdir -p a/longer/path; cp r/my-tool r/x.yaml r/x.lock a/longer/path; touch a/longer/path/*")
    let other = try ToolRun(
      [
        "build", "a/longer/path/x.yaml", "--base", "base.img", "-o", "y.overlay.cpio.gz", "--cache", "cache2",
        "--locked",
      ], in: stage.scratch.path)
    #expect(other.status == 0, "\(other.errors)")
    #expect(try stage.scratch.sha256("x.overlay.cpio.gz") == stage.scratch.sha256("y.overlay.cpio.gz"))
  }

  @Test(.enabled(if: Namespaces.canMountImages))
  func `A command that fails names its line, keeps the old overlay, and leaves nothing mounted`() throws {
    let stage = try RecipeStage("commands:\n  - echo one >/etc/one\n  - exit 3\n")
    let run = try stage.build()
    #expect(run.status == 2, "\(run.errors)")
    #expect(run.errors.hasSuffix("r/x.yaml:3: the command \"exit 3\" ended with 3\n"), "\(run.errors)")
    #expect(!stage.exists("x.overlay.cpio.gz") && !stage.exists("r/x.lock"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: stage.scratch("cache")).sorted() == [
        "blobs", "layers", "results",
      ])
    try stage.scratch.write("commands:\n  - echo one >/etc/one\n  - 'true'\n", to: "r/x.yaml")
    let again = try stage.build()
    #expect(again.status == 0 && again.errors.contains("r/x.yaml:2: commands: from the cache"), "\(again.errors)")
  }

  @Test(.enabled(if: Namespaces.canMountImages))
  func `What a command prints is shown, but without control characters`() throws {
    let stage = try RecipeStage(
      #"""
      commands:
        - |
          printf 'one\ttwo\\t\033[31mthree\n1 %%\r2 %%\rend\n'
          printf 'ü' >&2

      """#)
    let run = try stage.build()
    #expect(run.status == 0 && run.errors.contains("one\ttwo\\t\\033[31mthree\n1 %\n2 %\nend\nü"), "\(run.errors)")
  }

  @Test(.enabled(if: Namespaces.canMountImages))
  func `Commands have no network unless the recipe asks and the caller allows`() throws {
    let stage = try RecipeStage("commands:\n  - {run: ls /sys/class/net >/etc/nets, network: true}\n")
    let refused = try stage.build()
    #expect(refused.status == 2 && refused.errors.contains("--allow network"), "\(refused.errors)")
    #expect(try stage.build("--allow", "network").status == 0)
  }

  @Test func `A download must have the digest that the recipe gives`() async throws {
    let stage = try RecipeStage("")
    try stage.scratch.shell("mkdir www; echo downloaded >www/file")
    let server = try ChildProcess(
      ["/usr/bin/env", "python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"], in: stage.scratch("www"))
    let port = try await eventually("the server to say its port") {
      server.output.split(separator: " ").firstIndex(of: "port").flatMap { index in
        server.output.split(separator: " ").dropFirst(index + 1).first.flatMap { Int($0) }
      }
    }
    let digest = try stage.scratch.sha256("www/file")
    func recipe(_ name: String, _ digest: String) -> String {
      "download:\n  - {url: \"http://127.0.0.1:\(port)/\(name)\", sha256: \"\(digest)\", target: /opt/file, mode: 0755}\n"
    }
    try stage.scratch.write(recipe("file", String(repeating: "0", count: 64)), to: "r/x.yaml")
    let wrong = try stage.build()
    #expect(wrong.status == 2 && wrong.errors.contains("r/x.yaml:2: GET http://127.0.0.1:"), "\(wrong.errors)")
    #expect(wrong.errors.contains("the SHA-256 is \(digest), but it should be 000"), "\(wrong.errors)")
    #expect(!stage.exists("x.overlay.cpio.gz"))

    try stage.scratch.write(recipe("none", digest), to: "r/x.yaml")
    let gone = try stage.build()
    #expect(gone.status == 2 && gone.errors.contains("404"), "\(gone.errors)")

    try stage.scratch.write(recipe("file", digest), to: "r/x.yaml")
    #expect(try stage.build().status == 0)
    #expect(stage.scratch.text(of: "r/x.lock").contains(digest))
    // From here on the file is in the cache.
    server.signal(SIGKILL)
    try stage.scratch.shell("rm -r cache/layers cache/results x.overlay.cpio.gz")
    #expect(try stage.build("--locked").status == 0)
    let listed = try stage.scratch.tool("list", "x.overlay.cpio.gz")
    #expect(listed.output.contains("opt/file"), "\(listed.output)")
  }

  @Test(arguments: [
    ("--locked --update", "--locked and --update contradict each other"),
    ("--set novalue", "give NAME=VALUE"),
  ])
  func `Options that make no sense are wrong usage`(_ options: String, _ words: String) throws {
    let scratch = try ToolScratch()
    let run = try ToolRun(
      ["build", "x.yaml", "--base", "b"] + options.split(separator: " ").map(String.init), in: scratch.path)
    #expect(run.status == 64 && run.errors.contains(words), "\(run.errors)")
  }

  @Test func `Without a base image it says what to give`() throws {
    let run = try ToolScratch().tool("build", "x.yaml")
    #expect(run.status == 64 && run.errors.contains("give --base IMAGE"), "\(run.errors)")
  }

  @Test(arguments: [
    ("[first.cpio, second.yaml]", "second"), ("[second.yaml, first.cpio]", "first"),
    ("[second.yaml, first.cpio, second.yaml]", "first"), ("[first.cpio, second.yaml, third.yaml]", "third"),
  ])
  func `Of recipes and archives that a recipe begins with, the later one wins, and a recipe is done once`(
    _ from: String, _ winner: String
  ) throws {
    let stage = try RecipeStage("from: \(from)\n")
    try stage.scratch.shell(
      """
      mkdir -p tree/etc && echo first >tree/etc/winner && "$tool" pack tree --no-required -o r/first.cpio
      for name in second third; do
        printf 'from: [second.yaml]\\nfiles: [{content: "%s\\\\n", target: /etc/winner}]\\n' $name >r/$name.yaml
      done
      sed -i 1d r/second.yaml
      """)
    let run = try stage.build()
    #expect(run.status == 0, "\(run.errors)")
    try stage.scratch.shell("\"$tool\" unpack x.overlay.cpio.gz out --manifest manifest")
    #expect(stage.scratch.text(of: "out/etc/winner") == "\(winner)\n")
  }

  @Test func `Without the required files it is no error that they are missing, but a wrong one is`() throws {
    let stage = try RecipeStage("required: false\n\(Self.simple)")
    let run = try stage.build()
    #expect(run.status == 0, "\(run.errors)")
    #expect(try !stage.scratch.tool("list", "x.overlay.cpio.gz").output.contains("rc.local"))
    try stage.scratch.write(
      "required: false\nfiles:\n  - {content: \"echo no shell\\n\", target: /etc/rc.local, mode: 0755}\n",
      to: "r/x.yaml")
    let wrong = try stage.build()
    #expect(wrong.status == 1 && wrong.errors.contains("error: etc/rc.local: "), "\(wrong.errors)")
    #expect(wrong.errors.contains("x.overlay.cpio.gz was not written"), "\(wrong.errors)")
  }
}
