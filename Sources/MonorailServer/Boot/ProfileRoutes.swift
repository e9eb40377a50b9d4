import Hummingbird
import MonorailProtocol

/// What boot programs ask for: `GET profiles` is answered with an iPXE script, `GET profiles/grub` with a `grub.cfg`.
struct ProfileRoutes: Sendable {
  let backend: Backend
  let profiles: BootProfiles

  func add(to group: RouterGroup<ServerContext>) {
    group.get("profiles", use: ipxe)
    group.get("profiles/grub", use: grub)
  }

  @Sendable private func ipxe(_ request: Request, _ context: ServerContext) async throws -> Response {
    let query = ProfileQuery(request)
    let server = AdvertisedServer(request, backend.configuration)
    let url = server.url + "/api/current/profiles"
    guard query.namesInterfaces else { return .text(BootScript.whoAreYou(profiles: url).text) }
    let script =
      switch try await outcome(query, server, request, context) {
      case .failure(let missing): BootScript.problem(missing.problems, profiles: url)
      case .success(let profile):
        BootScript.microkernel(
          kernel: BootFiles.url(of: profile.files.kernel, server),
          initrd: BootFiles.url(of: profile.files.initrd, server), arguments: profile.arguments, profiles: url)
      }
    return .text(script.text)
  }

  @Sendable private func grub(_ request: Request, _ context: ServerContext) async throws -> Response {
    let query = ProfileQuery(request)
    let server = AdvertisedServer(request, backend.configuration)
    guard query.namesInterfaces else {
      return .text(GRUBScript(profiles, backend.configuration.boot, server, bootInterface: nil).text)
    }
    return .text(GRUBScript(try await outcome(query, server, request, context)).text)
  }

  /// What the machine boots that asks, which is noted.
  private func outcome(
    _ query: ProfileQuery, _ server: AdvertisedServer, _ request: Request, _ context: ServerContext
  ) async throws -> Result<BootProfiles.Profile, BootFiles.Missing> {
    guard let boot = query.bootInterface(source: context.channel.remoteAddress?.ipAddress) else {
      let sentence = "the server got no MAC address of this machine's NICs (macs= in its request)"
      return .failure(BootFiles.Missing(problems: [sentence]))
    }
    let addresses = query.interfaces.map(\.address)
    let node = try await backend.nodeAppeared(at: addresses, isBoot: true, request, context)
    let options = try profiles.options(of: node, server)
    let outcome = Result { () throws(BootFiles.Missing) in
      try profiles.profile(options, server: server, bootInterface: boot.address.description)
    }
    let (found, problems): (BootProfiles.Profile?, [String]) =
      switch outcome {
      case .success(let profile): (profile, [])
      case .failure(let missing): (nil, missing.problems)
      }
    try await backend.state.noteBoot(
      of: node.id, addresses: addresses, bootAddress: boot.address, kernelArguments: found?.arguments,
      problems: problems)
    backend.tell(.boot(node: node.id, files: found?.files.all ?? [], problems: problems))
    return outcome
  }
}
