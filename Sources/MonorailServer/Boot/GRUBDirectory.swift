import MonorailProtocol
import SystemFiles

/// The directory that GRUB looks for its profile in, by TFTP: a server of files, which cannot ask this one.
///
/// `grub.cfg` is for any node. A node that something else is said for has a file of its own for each of its NICs, which GRUB
/// takes first: `grub.cfg-01-52-54-00-12-34-56` (GRUB's manual, "Network": the type of the hardware and the address).
struct GRUBDirectory {
  private let directory: String
  private let profiles: BootProfiles
  private let server: AdvertisedServer
  /// What was written, by name.
  private var written: [String: String] = [:]
  private var failure: String?

  private static let prefix = "grub.cfg-01-"

  /// Makes the directory and writes what is known.
  ///
  /// - Throws: `MonorailServer.StartError`, when it cannot be written.
  init(_ directory: String, _ profiles: BootProfiles, _ server: AdvertisedServer) throws {
    (self.directory, self.profiles, self.server) = (directory, profiles, server)
    do {
      try FileSystem.makeDirectories(directory)
      for name in FileSystem.names(in: directory) where Self.isOfNode(name) {
        try FileSystem.remove(directory + "/" + name)
      }
      try write(wanted())
    } catch let error as SystemError {
      throw MonorailServer.StartError("cannot write GRUB's profiles: \(error)")
    }
  }

  /// Renews the files until the task is cancelled. Between a change and its file there is half a second at most: from a power
  /// cycle to GRUB a machine takes longer.
  mutating func keep() async {
    while true {
      do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
      do {
        try write(try wanted())
        failure = nil
      } catch {
        let text = "GRUB's profiles cannot be renewed: \(error)"
        if text != failure { profiles.backend.tell(.problem(text)) }
        failure = text
      }
    }
  }

  private func wanted() throws -> [String: String] {
    let usual = profiles.backend.configuration.boot
    var files = ["grub.cfg": GRUBScript(profiles, usual, server, bootInterface: nil).text]
    for node in profiles.backend.state.nodes {
      let options = try profiles.options(of: node, server)
      guard options != usual else { continue }
      for address in node.macAddresses {
        let text = GRUBScript(profiles, options, server, bootInterface: address.description).text
        files[Self.prefix + address.description.replacing(":", with: "-")] = text
      }
    }
    return files
  }

  private mutating func write(_ files: [String: String]) throws(SystemError) {
    for (name, text) in files where written[name] != text {
      try FileSystem.writeAtomically(text.utf8, to: directory + "/" + name)
      written[name] = text
    }
    for name in written.keys where files[name] == nil {
      try FileSystem.remove(directory + "/" + name)
      written[name] = nil
    }
  }

  private static func isOfNode(_ name: String) -> Bool {
    name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + 17
      && MACAddress(name.dropFirst(prefix.count).replacing("-", with: ":")) != nil
  }
}
