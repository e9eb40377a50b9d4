import Foundation
import JSONDocument
import TestSupport
import Testing

@testable import MonorailServer

/// With a script in the place of `ipmitool`.
@Suite struct IPMIServiceTests {
  private static let start = "-I lanplus -H 10.1.1.30 -U admin -E"

  private func lab(_ text: String, host: JSON = "10.1.1.30") throws -> Lab {
    var lab = try Lab()
    lab.configuration.ipmitool = try lab.script("ipmitool", text)
    try lab.use("ipmi-obm-service", ["host": host, "user": "admin", "password": "secret"])
    return lab
  }

  @Test(arguments: [
    ("powerOn", "chassis power on"), ("powerOff", "chassis power off"), ("reset", "chassis power reset"),
    ("setBootPxe", "chassis bootdev pxe"), ("setBootDisk", "chassis bootdev disk"), ("clearSEL", "sel clear"),
    ("identifyOff", "chassis identify 0"), ("mcResetCold", "mc reset cold"), ("NMI", "chassis power diag"),
  ])
  func `an action is a call of ipmitool, and the password is not among its arguments`(
    action: String, words: String
  ) async throws {
    let lab = try lab(#"test "$IPMI_PASSWORD" = secret"#)
    #expect(await lab.perform(action) == .done(.null))
    #expect(lab.calls == ["\(Self.start) \(words)"])
  }

  @Test func `port and cipher suite are passed on`() async throws {
    var lab = try Lab()
    lab.configuration.ipmitool = try lab.script("ipmitool", "")
    try lab.use(
      "ipmi-obm-service", ["host": "h", "user": "u", "password": "p", "port": 624, "cipherSuite": 17])
    #expect(await lab.perform("powerOn") == .done(.null))
    #expect(lab.calls == ["-I lanplus -H h -p 624 -C 17 -U u -E chassis power on"])
  }

  @Test(arguments: [("on", true), ("off", false)])
  func `the power status is read`(word: String, isOn: Bool) async throws {
    #expect(try await lab("echo Chassis Power is \(word)").perform("powerStatus") == .done(.bool(isOn)))
  }

  @Test func `a reboot switches off, looks until the power is off, and switches on`() async throws {
    let lab = try lab(
      """
      case "$*" in
      *off) echo 3 >looks;;
      *status) left=$(cat looks 2>/dev/null || echo 9)
        if test $left -eq 0; then echo Chassis Power is off; else echo Chassis Power is on; fi
        test $left -eq 9 || echo $((left - 1)) >looks;;
      esac
      """)
    #expect(await lab.perform("reboot") == .done(.null))
    let words = lab.calls.map { $0.split(separator: " ").last.map(String.init) ?? "" }
    #expect(words == ["status", "off", "status", "status", "status", "status", "on"])
  }

  @Test func `a reboot of a node that is off switches it on`() async throws {
    let lab = try lab("echo Chassis Power is off")
    #expect(await lab.perform("reboot") == .done(.null))
    #expect(lab.calls.map { $0.split(separator: " ").last } == ["status", "on"])
  }

  @Test func `a node that stays on is an error`() async throws {
    let lab = try lab("echo Chassis Power is on")
    #expect(await lab.perform("reboot").reason == "10.1.1.30 is still on after a power off")
    #expect(lab.calls.last?.hasSuffix("status") == true)
  }

  @Test func `a MAC address as host is looked up`() async throws {
    let lab = try lab("exit 0", host: "00:1E:67:00:00:09")
    #expect(await lab.perform("powerOn").reason == "no lookup has an IP address of the BMC 00:1e:67:00:00:09")
    let text = "IP Address : 10.1.1.30\nMAC Address : 00:1e:67:00:00:09\n"
    let report: JSON = ["tasks": [["cmd": "sudo ipmitool lan print", "stdout": .string(text), "error": .null]]]
    let body = Array(report.text.utf8)
    _ = try await lab.state.accept(
      lab.state.prepare(body, ReportContents(parsing: body), from: "n1", connection: 1))
    #expect(await lab.perform("powerOn") == .done(.null))
    #expect(lab.calls == ["\(Self.start) chassis power on"])
  }

  @Test func `what ipmitool says is in the error, and the password is not`() async throws {
    let lab = try lab("echo 'Error: Unable to establish IPMI v2 / RMCP+ session' >&2; exit 1")
    let reason = try #require(await lab.perform("powerOn").reason)
    #expect(reason.hasSuffix("failed with exit code 1: Error: Unable to establish IPMI v2 / RMCP+ session"))
    #expect(!reason.contains("secret"))
  }
}
