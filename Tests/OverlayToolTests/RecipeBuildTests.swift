import Foundation
import Testing

/// Builds of whole recipes: what they give again elsewhere, and what is left when they are killed.
@Suite(.serialized, .enabled(if: ExampleStage.isPossible, "needs root and loop devices"), .timeLimit(.minutes(60)))
struct RecipeBuildTests {
  private let archive = "x.overlay.cpio.gz"

  @Test func `The lock gives the same bytes in another directory, on another day, with an empty cache`() async throws {
    let stage = try await ExampleStage()
    try await stage.makeStandIns()
    let key = #"--set key="$(cat mine.pub)""#
    try await stage.succeed(
      """
      ssh-keygen -q -t ed25519 -N '' -f mine
      printf 'from: [simple.yaml, packages.yaml, vendor-tool.yaml, emc.yaml, debug-ssh.yaml]\\n' >examples/most.yaml
      SOURCE_DATE_EPOCH=1600000000 \(stage.command("most", key))
      mkdir -p other/place
      umask 077
      cp -R examples mine.pub other/place
      cd other/place
      find . -exec touch -h -d @1000000000 {} +
      TZ=Asia/Tokyo LANG=C.UTF-8 \(stage.command("most", key + " --locked"))
      """)
    for name in [archive, "\(archive).spdx.json", "\(archive).origins.json", "examples/most.lock"] {
      try await stage.succeed("cmp \(name) other/place/\(name)")
    }
    // Nothing is left to do for one who builds again, with or without the lock's authority.
    for options in ["", "--locked"] {
      #expect(try await stage.build("most", "\(key) \(options)").contains("unchanged"))
    }
    #expect(try await stage.succeed("ls -A cache") == "blobs\nlayers\nresults\n")
  }

  @Test func `Killed at any moment, a build leaves the old overlay, and the next one works`() async throws {
    let stage = try await ExampleStage()
    // With a name of its own, the base image's loop device is found when it stays.
    try await stage.succeed(
      """
      ln "$base" base.img 2>/dev/null || cp "$base" base.img
      printf 'files: [{content: "{{n}}", template: true, target: /etc/number}]\\n' >examples/number.yaml
      cat >examples/killed.yaml <<'RECIPE'
      from: [number.yaml, packages.yaml]
      commands:
        - cat /etc/number >/etc/copy
        - ldconfig
      hooks: 'true'
      remove: [/etc/issue.net]
      RECIPE
      """)
    func command(_ number: Int, _ options: String = "") -> String {
      "base=base.img\n" + stage.command("killed", "--set n=\(number) \(options)")
    }
    try await stage.succeed(command(0))
    let start = ContinuousClock.now
    try await stage.succeed(command(1))
    let whole = ContinuousClock.now - start

    var random = Seeded(state: 4711)
    var last = try await stage.succeed("sha256sum \(archive)")
    for round in 2..<22 {
      // More of them near the end, when results get their places.
      let pause = whole * Double.random(in: 0..<1, using: &random).squareRoot()
      // The shell waits for the program that it killed, so that its exit code says whether it was fast enough to end.
      let result = try await stage.run(
        """
        \(command(round)) &
        sleep \(Double(pause.components.seconds) + Double(pause.components.attoseconds) / 1e18)
        kill -9 $! || :
        wait $! && echo "it has ended"
        """)
      try await Leftovers.expectNone(of: stage.directory)
      let now = try await stage.succeed("sha256sum \(archive)")
      if now != last {
        // It is the new one, as a whole: to build it again changes nothing.
        #expect(try await stage.succeed(command(round)).contains("unchanged"), "\(result.text)")
        #expect(try await stage.succeed("sha256sum \(archive)") == now)
      }
      last = now
    }

    // What the killed builds left in the cache is not taken for results, and is removed.
    try await stage.succeed(command(99))
    let left = try await stage.succeed("ls -A cache; ls -A | grep '^[.]' || :; ls -A examples | grep '^[.]' || :")
    #expect(left == "blobs\nlayers\nresults\n")
    try await stage.succeed(
      "cp \(archive) after && \(command(99, "--locked --cache other-cache")) && cmp \(archive) after")
  }

  @Test func `The discovery overlay has the required files and nothing else, and is made without any privilege`()
    async throws
  {
    let stage = try await ExampleStage()
    try await stage.succeed(
      """
      cp '\(Repository.path("scripts/discovery.yaml"))' examples
      # The small base has no init, which would be an error for an overlay that is only the agent.
      setpriv --bounding-set=-all --inh-caps=-all \(stage.command("discovery", "--force"))
      mkdir -m 755 empty
      monorail-overlay pack empty -o packed.cpio.gz
      cmp packed.cpio.gz \(archive)
      """)
  }
}

/// The same numbers in each run: SplitMix64.
private struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
