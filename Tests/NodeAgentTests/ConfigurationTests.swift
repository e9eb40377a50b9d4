import JSONDocument
import Testing

@testable import NodeAgent

@Suite struct KernelCommandLineTests {
  @Test(
    "splits as the kernel does",
    arguments: [
      ("a=1 b=2", "a", "1"), ("a=1 a=2", "a", "2"), ("  a=1\n", "a", "1"), ("a", "a", nil), ("", "a", nil),
      (#"a="x y" b=1"#, "a", "x y"), (#"a="x y" b=1"#, "b", "1"), (#""a=x y" b=1"#, "a", "x y"),
      (#""a=x y" b=1"#, "b", "1"),
      (#"a="x"#, "a", "x"), (#"a=x"y z"w"#, "a", #"x"y z"w"#), ("a=", "a", ""), ("a==b", "a", "=b"),
      ("BOOT_IMAGE=/vmlinuz quiet API_CB=10.1.1.1:9080 --", "API_CB", "10.1.1.1:9080"),
      ("monorail.poll_interval=2s", "monorail.poll-interval", "2s"), ("a=1\tb=2", "b", "2"), (#"a="" b=2"#, "b", "2"),
      (#"a=""#, "a", ""), ("=x a=1", "a", "1"), (#"""#, "a", nil), ("a=ü€", "a", "ü€"),
    ] as [(String, String, String?)])
  func value(text: String, name: String, expected: String?) {
    #expect(KernelCommandLine(parsing: text)[name] == expected)
  }
}

@Suite struct AgentConfigurationTests {
  private func configuration(
    _ flags: [AgentOption: String] = [:], _ environment: [String: String] = [:], _ line: String = ""
  ) throws -> AgentConfiguration {
    try AgentConfiguration(flags: flags, environment: environment, commandLine: KernelCommandLine(parsing: line))
  }

  @Test("a flag wins over the environment, that over the kernel command line, that over the default")
  func precedence() throws {
    let line = "monorail.poll-interval=3s API_CB=c:3"
    let environment = ["MONORAIL_POLL_INTERVAL": "2s", "MONORAIL_SERVER": ""]
    let all = try configuration([.pollInterval: "1s"], environment, line)
    #expect(all.pollInterval == 1000)
    #expect(all.settings[.pollInterval]?.origin == "--poll-interval")
    #expect(all.settings[.server] == .init(value: "c:3", origin: "/proc/cmdline API_CB"))
    #expect(try configuration([:], environment, line).settings[.pollInterval]?.origin == "MONORAIL_POLL_INTERVAL")
    #expect(try configuration([:], [:], line).settings[.pollInterval]?.origin == "/proc/cmdline monorail.poll-interval")
    #expect(try configuration().settings[.pollInterval] == .init(value: "5s", origin: "default"))
  }

  @Test("our own kernel parameter wins over the stock one")
  func ownParameter() throws {
    let found = try configuration([:], [:], "API_CB=a:1 monorail.server=https://b BOOTIF=01-00:1E:67:98:BC:7E")
    #expect(found.server?.description == "https://b:443")
    #expect(found.mac?.description == "00:1e:67:98:bc:7e")
  }

  @Test(
    "boot parameters that cannot be used are warnings where the node can do without",
    arguments: [
      "SYSLOGSERVER=monorail.rack", "BOOTIF=eth0", "BOOTIF=01-00-1e-67-98-bc", "BOOTIF=01:00:1e:67:98:bc",
      "BOOTIF=01-00-1e-67-98-bc-7e-00", "BOOTIF=eth0-00-1e-67-98-bc-7e", "BOOTIF=01-01-00-5e-00-00-01",
    ])
  func forgiving(parameter: String) throws {
    let found = try configuration([:], [:], "API_CB=h:1 \(parameter)")
    #expect(found.syslog == nil && found.mac == nil)
    #expect(found.warnings.count == 1)
    #expect(found.warnings.first?.hasPrefix("/proc/cmdline \(parameter.prefix { $0 != "=" })") == true)
  }

  @Test("a password in the server's URL is not shown")
  func serverPassword() throws {
    let error = try #require(throws: ConfigurationError.self) { try configuration([.server: "http://u:secret@h/"]) }
    #expect(!error.description.contains("secret"))
  }

  @Test("the report names every option, its value and its origin")
  func report() throws {
    let report = try configuration([.server: "h"]).report
    #expect(report["server"]?["value"] == "h")
    #expect(report["server"]?["from"] == "--server")
    #expect(report["mac"] == ["value": nil, "from": "not set"])
    #expect(report.objectValue?.members.count == AgentOption.allCases.count)
  }

  @Test(
    "a value that makes no sense is refused, with the place it came from",
    arguments: [
      (.server, "http://"), (.server, "a:b"), (.server, "a b"), (.server, "h:0"), (.server, "[::1"), (.mac, "eth0"),
      (.nodeID, "a/b"), (.workDirectory, "work"), (.pollInterval, "0"), (.pollInterval, "soon"), (.pollInterval, "-1s"),
      (.pollInterval, "1e9s"), (.requestTimeout, "10ms"), (.maxOutput, "1"), (.maxOutput, "1T"),
      (.maxOutput, "99999999999999999999G"),
      (.logLevel, "loud"), (.syslog, "syslog.example"), (.syslog, "10.1.1.1:x"),
      (.certificateAuthorities, "/nonexistent/ca.pem"),
    ] as [(AgentOption, String)])
  func refused(option: AgentOption, value: String) throws {
    let error = try #require(throws: ConfigurationError.self) { try configuration([option: value]) }
    #expect(error.description.hasPrefix("\(option.flag): \"\(value)\" is not "))
  }

  @Test(arguments: [
    ("10.1.1.1:9080", "http://10.1.1.1:9080"), ("10.1.1.1", "http://10.1.1.1:80"),
    ("[fd00::1]:8080", "http://[fd00::1]:8080"),
    ("[fd00::1]", "http://[fd00::1]:80"), ("monorail.rack", "http://monorail.rack:80"),
    ("https://m.rack/api", "https://m.rack:443"), ("HTTP://m:1/", "http://m:1"),
  ])
  func server(text: String, url: String) {
    #expect(ServerAddress(text)?.description == url)
  }

  @Test(
    arguments: [
      ("5", 5000), ("5s", 5000), ("250ms", 250), ("2m", 120_000), ("0.25s", 250), ("1.5.5", nil), ("", nil),
      ("ms", nil),
    ] as [(String, Int?)])
  func times(text: String, milliseconds: Int?) { #expect(Quantity.milliseconds(text) == milliseconds) }

  @Test(arguments: [
    ("10.1.1.1", true), ("10.1.1.1:5514", true), ("fd00::1", true), ("[fd00::1]:514", true), ("", false), ("a", false),
    ("1.2.3.4:0", false),
  ])
  func syslog(text: String, isValid: Bool) { #expect((SyslogAddress(text) != nil) == isValid) }
}

@Suite struct ArgumentsTests {
  @Test("run is the default; values come after a blank or an equals sign")
  func run() throws {
    let expected = Arguments.run(flags: [.server: "a:1", .pollInterval: "1s"], commandLine: "/x", once: true)
    #expect(try Arguments(["--server", "a:1", "--poll-interval=1s", "--once", "--cmdline", "/x"]) == expected)
    #expect(try Arguments(["run", "--once", "--cmdline=/x", "--server=a:1", "--poll-interval", "1s"]) == expected)
    #expect(try Arguments([]) == .run(flags: [:], commandLine: "/proc/cmdline", once: false))
  }

  @Test func fetch() throws {
    let digest = String(repeating: "ab", count: 32)
    let arguments = try Arguments(["fetch", "http://h/f?a=b", "-o", "/f", "--sha256=\(digest)"])
    #expect(
      arguments == .fetch(.init(url: "http://h/f?a=b", output: "/f", sha256: digest, certificateAuthorities: nil)))
  }

  @Test(arguments: [
    ["--nonsense"], ["run", "now"], ["--server"], ["--server="], ["config", "--once"], ["fetch"],
    ["fetch", "http://h/f"],
    ["fetch", "a", "b", "-o", "c"], ["fetch", "a", "-o", "c", "--sha256", "zz"], ["fetch", "a", "-o", "-"],
    ["--once=yes"],
  ])
  func refused(words: [String]) {
    #expect(throws: ConfigurationError.self) { try Arguments(words) }
  }

  @Test("the help names every option in all its places")
  func help() {
    for option in AgentOption.allCases {
      for name in [option.flag + " ", option.environmentVariable] + option.kernelParameters {
        #expect(Arguments.helpText.contains(name))
      }
    }
  }
}

@Suite struct SecretsTests {
  @Test(arguments: [
    ("ipmitool user set password 3 secret", "ipmitool user set password 3 ***"),
    ("storcli64 /c0 set securitykey=secret", "storcli64 /c0 set securitykey=***"),
    ("curl -ume:hunter2 u", "curl -u*** u"),
    ("sshpass -phunter2 ssh h", "sshpass -p*** ssh h"),
    ("hdparm --security-set-pass secret /dev/sda", "hdparm --security-set-pass *** /dev/sda"),
    ("wget http://h/f?id=1&token=secret", "wget http://h/f?id=1&token=***"),
    ("ipmitool -U admin -P secret lan print", "ipmitool -U admin -P *** lan print"),
    ("curl -u me:secret http://h/", "curl -u *** http://h/"),
    ("curl http://me:secret@h/f -o f", "curl http://***@h/f -o f"),
    ("TOKEN=secret ./flash", "TOKEN=*** ./flash"),
    ("x --password secret --user-password=secret", "x --password *** --user-password=***"),
    ("mkdir -p a; flashrom -p dummy:emulate=x", "mkdir -p a; flashrom -p dummy:emulate=x"), ("echo a\nb", "echo a b"),
    ("curl -H 'Authorization: Bearer secret' u", "curl -H 'Authorization: *** ***' u"),
    ("ipmitool  -P  secret lan", "ipmitool -P *** lan"), ("ipmitool -P 'my secret' lan", "ipmitool -P *** lan"),
    ("ipmitool -Psecret lan", "ipmitool -P*** lan"), ("PASS='a secret' ./flash", "PASS=*** ./flash"),
    (#"export PASS="a secret"; x"#, "export PASS=***; x"),
    ("curl -ku me:secret u", "curl -ku *** u"), ("curl -skume:secret u", "curl -sku*** u"),
    ("curl --user me:secret u", "curl --user *** u"), ("curl -o out u", "curl -o out u"),
    ("racadm -r h -u root -p secret getsysinfo", "racadm -r h -u root -p *** getsysinfo"),
    ("curl -H 'X-Auth-Token: secret' u", "curl -H 'X-Auth-Token: ***' u"),
    ("curl -H X-Auth-Token:secret u", "curl -H X-Auth-Token:*** u"),
    (#"curl -d '{"UserName":"a","Password":"secret","x":1}' u"#, #"curl -d '{"UserName":"a","Password":***,"x":1}' u"#),
    (#"curl -d '{"UserName": "a", "Password": "a secret"}' u"#, #"curl -d '{"UserName": "a", "Password": ***' u"#),
    ("monorail-agent fetch me:secret@h/f -o f", "monorail-agent fetch ***@h/f -o f"),
    ("API_CB=me:secret@h x", "API_CB=***@h x"), ("sh -c 'ipmitool -P secret lan'", "sh -c 'ipmitool -P *** lan'"),
    ("snmpget -v3 -A secret -X secret h", "snmpget -v3 -A *** -X *** h"),
    ("mount -o user=a,password=secret,ro //h/s /m", "mount -o user=a,password=***,ro //h/s /m"),
    ("scp a@h:/f /g", "scp a@h:/f /g"), ("echo it's fine; ls", "echo it's fine; ls"), ("", ""),
  ])
  func hidden(command: String, shown: String) { #expect(Secrets.hidden(in: command) == shown) }

  /// A script of 110 KB. When all its words were looked at, that took half a minute in the agent.
  @Test(.timeLimit(.minutes(10))) func aLongScript() {
    let shown = Secrets.hidden(in: "ipmitool -P secret; " + String(repeating: "x -a b c d ", count: 10_000))
    #expect(shown.hasPrefix("ipmitool -P *** x -a b c d "))
    #expect(!shown.contains("secret"))
    #expect(shown.count == 201)
  }

  /// Each quoted part may be a command line: here 2,000 of them are inside each other.
  @Test(.timeLimit(.minutes(10))) func manyQuotes() {
    let quotes = String(repeating: "'", count: 2000)
    #expect(!Secrets.hidden(in: "\(quotes)\"ipmitool -P secret\"\(quotes)").contains("secret"))
    #expect(Secrets.hidden(in: "\"a 'ipmitool -P secret'\"") == "\"a 'ipmitool -P ***'\"")
  }
}
