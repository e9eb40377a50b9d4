import Foundation
import JSONDocument
import TestSupport
import Testing

@testable import MonorailServer

/// The real `ipmitool`, over the LAN protocol (RMCP+), with a BMC that OpenIPMI's `ipmi_sim` simulates.
@Suite(.enabled(if: BMCSimulator.isAvailable)) struct IPMISimulatorTests {
  @Test func `the power is switched, read and cycled, and the boot device is set`() async throws {
    let bmc = try await BMCSimulator()
    var lab = try Lab()
    lab.configuration.timeLimit = .seconds(60)
    try lab.use("ipmi-obm-service", bmc.settings)
    for (action, answer) in [
      ("powerStatus", .bool(false)), ("powerOn", .null), ("powerStatus", .bool(true)), ("setBootPxe", .null),
      ("reboot", .null), ("powerStatus", .bool(true)), ("powerOff", .null), ("powerStatus", .bool(false)),
    ] as [(String, JSON)] {
      #expect(await lab.perform(action, retries: 3) == .done(answer), "\(action)")
    }
    let changes = bmc.calls.filter { $0.hasPrefix("set ") }
    #expect(changes == ["set power 1", "set boot pxe", "set power 0", "set power 1", "set power 0"])
  }

  @Test func `a wrong password is told, and nothing is switched`() async throws {
    let bmc = try await BMCSimulator()
    let lab = try Lab()
    var settings = bmc.settings.objectValue ?? JSONObject()
    settings["password"] = "wrong"
    try lab.use("ipmi-obm-service", .object(settings))
    let reason = try #require(await lab.perform("powerOn").reason)
    #expect(reason.contains("Unable to establish IPMI v2 / RMCP+ session"), "\(reason)")
    #expect(!bmc.calls.contains { $0.hasPrefix("set ") })
  }
}

/// A simulated BMC at an address of its own. It ends with this object.
private final class BMCSimulator {
  static let isAvailable = ["ipmi_sim", "ipmitool"].allSatisfy { name in
    FileManager.default.isExecutableFile(atPath: "/usr/bin/" + name)
  }

  private let directory: TestSupport.ScratchDirectory
  private let process: ChildProcess
  private let address: String

  init() async throws {
    directory = try TestSupport.ScratchDirectory()
    // An address for each simulator: the program must be told a port, so a free one cannot be asked for.
    address = "127.\(UInt8.random(in: 1...254)).\(UInt8.random(in: 1...254)).\(UInt8.random(in: 2...254))"
    try directory.write(
      """
      #!/bin/sh
      cd '\(directory.path)'
      echo "$@" >>calls
      case "$*" in
      "get power") echo "power:$(cat power 2>/dev/null || echo 0)";;
      "get boot") echo boot:default;;
      "set power "*) echo "$3" >power;;
      esac
      """, to: "chassis.sh")
    let chassis = try ChildProcess.program(directory("chassis"), from: directory("chassis.sh"))
    let methods = ["callback", "user", "operator", "admin"].map { "allowed_auths_\($0) none md2 md5 straight" }
    try directory.write(
      """
      name "bmc"
      set_working_mc 0x20
      startlan 1
      addr \(address) 623
      priv_limit admin
      \(methods.joined(separator: "\n"))
      guid a123456789abcdefa123456789abcdef
      endlan
      chassis_control "\(chassis)"
      user 2 true "admin" "secret" admin 10 none md2 md5 straight

      """, to: "lan.conf")
    try directory.write(
      """
      mc_setbmc 0x20
      mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
      sel_enable 0x20 1000 0x0a
      mc_enable 0x20

      """, to: "bmc.emu")
    process = try ChildProcess([
      "ipmi_sim", "-c", directory("lan.conf"), "-f", directory("bmc.emu"), "-s", directory("state"), "-n",
    ])
    try await eventually("the simulated BMC to answer") {
      let status = try? ChildProcess.run([
        "ipmitool", "-I", "lanplus", "-H", address, "-U", "admin", "-P", "secret", "-C", "3", "-N", "1", "-R", "1",
        "mc", "info",
      ])
      return status?.end == .exited(0) ? () : nil
    }
  }

  /// With a cipher suite, since the simulator does not tell any, and `ipmitool` would wait four seconds each time.
  var settings: JSON { ["host": .string(address), "user": "admin", "password": "secret", "cipherSuite": 3] }

  /// What it was told about the chassis.
  var calls: [String] { directory.text(of: "calls").split(separator: "\n").map(String.init) }
}
