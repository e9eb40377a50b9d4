import Foundation
import TestSupport
import Testing

/// A directory with a small base image and an overlay, for tests of `monorail-overlay shell`.
final class ShellStage {
  static let program = ToolRun.program

  /// Whether this machine lets a test mount a base image.
  static let isPossible = Namespaces.canMountImages

  private let scratch: ScratchDirectory

  var directory: String { scratch.path }
  var base: String { path("base.img") }
  var overlay: String { path("x.overlay.cpio.gz") }

  /// - Parameters:
  ///   - base: shell commands that run in the root of the base image before it is packed.
  ///   - overlay: shell commands that run in an empty directory, which becomes the overlay; `nil` for no overlay.
  init(base: String = ":", overlay: String? = "mkdir etc; echo own >etc/own") async throws {
    scratch = try ScratchDirectory()
    try await host(
      """
      mkdir base && cd base
      mkdir -p bin etc root data/sub usr/sbin var/cache/apt var/lib/dpkg/info
      cp "$(command -v busybox)" bin/busybox
      chroot . /bin/busybox --install -s /bin
      echo one >data/one; echo two >data/two; echo s >data/sub/s; ln -s one data/link
      echo base >etc/hostname; echo cached >var/cache/apt/base.bin; : >var/lib/dpkg/status
      \(base)
      cd .. && mksquashfs base base.img -quiet -no-progress -noI -noD -noF -noX >/dev/null && rm -r base
      """)
    guard let overlay else { return }
    try await host("mkdir tree && cd tree && \(overlay)")
    try await tool("pack", path("tree"), "-o", self.overlay, "--no-required", "--mtime", "keep", "--owner", "keep")
    try await host("rm -r tree")
  }

  func path(_ name: String) -> String { scratch(name) }

  /// The command line that runs a script with `shell`.
  func arguments(
    _ script: String, options: [String] = [], on overlay: String? = nil
  ) -> [String] {
    [Self.program, "shell", "--base", base] + options + [overlay ?? self.overlay, "--", "sh", "-c", script]
  }

  /// Runs a script in the workspace.
  @discardableResult
  func shell(_ script: String, options: [String] = [], on overlay: String? = nil) async throws -> ToolProcess.Result {
    try await start(script, options: options, on: overlay).wait()
  }

  func start(
    _ script: String, options: [String] = [], on overlay: String? = nil, environment: [String: String] = [:]
  ) throws -> ToolProcess {
    try ToolProcess(
      arguments(script, options: options, on: overlay), environment: environment, in: directory)
  }

  /// Runs the program, which must succeed.
  @discardableResult
  func tool(_ arguments: String...) async throws -> String {
    let result = try await ToolProcess([Self.program] + arguments, in: directory).wait()
    guard result.code == 0 else { throw ToolFailure("\(arguments): \(result.errors)") }
    return result.output
  }

  /// Runs a script on this machine, in the stage's directory; it must succeed.
  @discardableResult
  func host(_ script: String) async throws -> String {
    let result = try await ToolProcess(["/bin/sh", "-euc", script], in: directory).wait()
    guard result.code == 0 else { throw ToolFailure("\(script): \(result.errors)") }
    return result.output
  }

  /// The names in an archive, with a `!` before whiteouts.
  func names(in archive: String? = nil) async throws -> [String] {
    try await tool("list", archive ?? overlay).split(separator: "\n").map { line in
      let words = line.split(separator: " ")
      return words.last == "(whiteout)"
        ? "!\(words[words.count - 2])" : line.hasPrefix("l") ? "\(words[words.count - 3])" : "\(words.last ?? "")"
    }
  }

  func contents(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: path(name))) }

  /// The names in the stage's directory.
  var files: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
  }

  /// Waits until the machine has no mount, loop device or process of this stage any more.
  func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) async throws {
    try await Leftovers.expectNone(of: directory, location)
  }
}
