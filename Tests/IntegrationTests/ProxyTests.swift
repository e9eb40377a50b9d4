import Testing

@Suite(.timeLimit(.minutes(10))) struct ProxyTests {
  /// A node reaches its server directly. Variables that an init passes on must not lead anywhere else.
  @Test(arguments: ["http_proxy", "all_proxy", "ALL_PROXY"])
  func aProxyOfTheEnvironmentIsNotUsed(variable: String) async throws {
    try await withStage { stage in
      // Port 1 is reserved, and nobody listens there.
      try stage.startAgent(environment: [variable: "http://127.0.0.1:1"])
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo done"}]}"#).stdout() == "done\n")
    }
  }
}
