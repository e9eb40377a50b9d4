import Foundation
import TestSupport
import Testing

/// The examples of docs/recipes.md, built for a small Debian with a kernel, with real packages.
@Suite(.serialized, .enabled(if: ExampleStage.isPossible, "needs root and loop devices"), .timeLimit(.minutes(60)))
struct RecipePageBuildTests {
  @Test func `Every example of the page about recipes can be built`() async throws {
    let page = try RecipePage()
    let stage = try await ExampleStage.withKernel()
    try await Self.write(page, in: stage)
    for recipe in page.recipes {
      try recipe.text.write(toFile: stage.path("page/example.yaml"), atomically: false, encoding: .utf8)
      // What is compressed in another way has another name.
      let ending = recipe.text.contains("compression:") ? "zst" : "gz"
      let archive = "\(recipe.line).overlay.cpio.\(ending)"
      let result = try await stage.run(
        "monorail-overlay build page/example.yaml --base \"$base\" --cache cache --allow network -o \(archive)")
      #expect(result.code == 0, "\(recipe): \(result.text)")
      // The locks of the examples have nothing to do with each other.
      try await stage.succeed("rm -f page/example.lock")
    }

    // What the page says about some of them.
    func archive(with text: String) throws -> String {
      let line = try #require(page.recipes.first { $0.text.contains(text) }).line
      return "\(line).overlay.cpio.gz"
    }
    let files = try await stage.onNode(
      try archive(with: "motd.template"),
      "cat /etc/motd /etc/my-tool.conf; stat -c '%a %u %n' /etc/my-tool.conf /var/lib/my-tool"
    )
    #expect(
      files.text == "This node is booted in lab.\nsite = lab\n600 0 /etc/my-tool.conf\n750 33 /var/lib/my-tool\n")
    let place = try await stage.onNode(try archive(with: "rack 7"), "cat /etc/place /opt/vendor")
    #expect(place.text == "rack 7\nvendor\n")
    let first = try await stage.onNode(
      try archive(with: "description: Tools"), "tool; command -v lspci; cat /opt/rc.local.hooks")
    #expect(first.text == "a tool of ours\n/usr/bin/lspci\n#!/bin/sh\nmodprobe -q ipmi_si || true\n")
    let fetched = try await stage.onNode(try archive(with: "example.org/tool-1.0"), "tool")
    #expect(fetched.text == "a tool of ours\n")
  }

  /// Makes what the examples name.
  private static func write(_ page: RecipePage, in stage: ExampleStage) async throws {
    for (name, text) in page.files {
      let path = stage.path("page/\(name)")
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: false, encoding: .utf8)
    }
    // The download is in the cache already: examples must not depend on a server. It has the contents of my-tool.
    try await stage.succeed(
      """
      chmod 755 page/my-tool
      mkdir -p cache/blobs page/debs package/DEBIAN vendor/opt
      cp page/my-tool "cache/blobs/$(sha256sum page/my-tool | cut -c 1-64)"
      printf '%s\\n' 'Package: my-tool' 'Version: 1' 'Architecture: all' 'Maintainer: us <us@example.org>' \\
        'Description: a tool' >package/DEBIAN/control
      dpkg-deb --build package page/debs/my-tool.deb
      echo vendor >vendor/opt/vendor
      chmod 755 vendor
      monorail-overlay pack vendor --no-required -o page/vendor.cpio.gz
      """)
  }
}
