import Foundation
import MockMonorail
import Testing

/// Runs a test against a server with a boot directory that holds those files.
func withBootDirectory(
  _ files: [String] = ["vmlinuz-6.1", "initrd.img-6.1", "base.bookworm.6.1.squashfs.img", "discovery.overlay.cpio.gz"],
  change: (inout MockConfiguration) -> Void = { _ in }, _ body: (MockMonorail, String) async throws -> Void
) async throws {
  try await withDirectory { directory in
    for (age, name) in files.reversed().enumerated() { try writeBootFile(name, in: directory, age: age) }
    try await withMock({
      $0.bootDirectory = directory
      change(&$0)
    }) { try await body($0, directory) }
  }
}

/// Writes a file that is so many hours old.
func writeBootFile(_ name: String, _ text: String = "x", in directory: String, age: Int = 0) throws {
  let path = directory + "/" + name
  let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  try text.write(toFile: path, atomically: true, encoding: .utf8)
  try FileManager.default.setAttributes(
    [.modificationDate: Date(timeIntervalSince1970: 1_700_000_000 - Double(age) * 3600)], ofItemAtPath: path)
}

/// The kernel's parameters as the script has them, by name.
func kernelParameters(_ script: String) throws -> [String: String] {
  let line = try #require(script.split(separator: "\n").first { $0.hasPrefix("kernel ") }, "\(script)")
  var found: [String: String] = [:]
  for word in line.dropLast(" || goto failed".count).split(separator: " ").dropFirst(2) {
    let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
    found[parts[0]] = [found[parts[0]], parts.count > 1 ? parts[1] : ""].compactMap { $0 }.joined(separator: " ")
  }
  return found
}
