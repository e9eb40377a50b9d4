import Foundation
import JSONDocument
import MockMonorail
import Testing

private let mac = "52:54:00:12:34:56"
private let profiles = "/api/current/profiles"
private let base = "http://mock.example:9080"

@Suite struct ProfileTests {
  @Test func aROMThatNamesNoMachineIsAskedForItsNICs() async throws {
    try await withBootDirectory { mock, _ in
      for target in [profiles, "/api/common/profiles", "/api/2.0/profiles?ips=10.0.2.15"] {
        let answer = try await mock.request("GET", target)
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
        #expect(
          answer.text == """
            #!ipxe
            :start
            isset ${ip} || ifconf --configurator dhcp ||
            clear query
            set nic:int32 0
            :nic
            isset ${net${nic}/mac} || goto profile
            echo monorail: net${nic} ${net${nic}/mac} ${net${nic}/ip}
            set query ${query}macs=${net${nic}/mac:hex}&ips=${net${nic}/ip}&
            inc nic
            iseq ${nic} 32 || goto nic
            :profile
            chain --replace --autofree --timeout 30000 \(base)\(profiles)?${query} ||
            echo monorail: no profile from \(base)\(profiles), trying again in 5 seconds
            sleep 5
            goto start

            """)
      }
      #expect(mock.state.nodes.isEmpty)
    }
  }

  @Test func aMachineBootsTheMicrokernel() async throws {
    try await withBootDirectory { mock, _ in
      // As iPXE sends it: colons escaped, and a & behind the last.
      let answer = try await mock.request("GET", "\(profiles)?macs=52%3A54%3A00%3A12%3A34%3A56&ips=10.0.2.15&")
      let arguments = """
        API_CB=mock.example:9080 BASEFS=\(base)/common/base.bookworm.6.1.squashfs.img \
        OVERLAYFS=\(base)/common/discovery.overlay.cpio.gz BOOTIF=01-52:54:00:12:34:56 \
        console=tty0 console=ttyS0,115200n8 boot=monorail
        """
      #expect(
        answer.text == """
          #!ipxe
          imgfree
          kernel \(base)/common/vmlinuz-6.1 initrd=initrd.img-6.1 \(arguments) || goto failed
          initrd \(base)/common/initrd.img-6.1 || goto failed
          boot ||
          :failed
          imgfree
          prompt --key 0x197e --timeout 5000 monorail: this did not boot. F12 for a shell, else it is tried again && shell ||
          chain --replace --autofree --timeout 30000 \(base)\(profiles) || goto failed

          """)
      let boot = try await mock.nextBoot(mac: mac)
      #expect(boot.nodeID == "000000000000525400123456")
      #expect(boot.sequence == 1)
      #expect(boot.kernelArguments == arguments)
      #expect(boot.problems.isEmpty)
      #expect(mock.state.node(boot.nodeID)?.hasAppeared == true)
    }
  }

  @Test func `Another server may have the images`() async throws {
    try await withBootDirectory(change: { $0.imageServer = "http://10.1.0.1:8080/common" }) { mock, _ in
      let script = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
      let parameters = try kernelParameters(script)
      let images = "http://10.1.0.1:8080/common"
      #expect(script.contains("kernel \(images)/vmlinuz-6.1 ") && script.contains("initrd \(images)/initrd.img-6.1 "))
      #expect(parameters["BASEFS"] == "\(images)/base.bookworm.6.1.squashfs.img")
      #expect(parameters["OVERLAYFS"] == "\(images)/discovery.overlay.cpio.gz")
      #expect(parameters["API_CB"] == "mock.example:9080")
    }
  }

  @Test func allFilesOfTheProfileAreServed() async throws {
    try await withBootDirectory { mock, _ in
      for name in ["vmlinuz-6.1", "initrd.img-6.1", "base.bookworm.6.1.squashfs.img", "discovery.overlay.cpio.gz"] {
        let answer = try await mock.request("GET", "/common/\(name)")
        #expect(answer.text == "x")
      }
      for target in ["/vmlinuz-6.1", "/common", "/common/", "/commonvmlinuz-6.1", "/common/../vmlinuz-6.1"] {
        let answer = try await mock.request("GET", target)
        #expect(answer.status == 404, "\(target)")
      }
    }
  }

  // The node is the first known one; BOOTIF is the NIC that the request came from, or the first with an address.
  @Test(
    arguments: [
      ("macs=52:54:00:12:34:56", "000000000000525400123456", "52:54:00:12:34:56"),
      ("macs=52-54-00-12-34-56", "000000000000525400123456", "52:54:00:12:34:56"),
      ("macs=525400123456&ips=", "000000000000525400123456", "52:54:00:12:34:56"),
      ("macs=52:54:00:AB:CD:EF", "000000000000525400abcdef", "52:54:00:ab:cd:ef"),
      ("mac=52:54:00:12:34:56&ip=10.0.2.15", "000000000000525400123456", "52:54:00:12:34:56"),
      (
        "macs=52:54:00:00:00:01&ips=&macs=52:54:00:00:00:02&ips=10.0.2.15", "000000000000525400000001",
        "52:54:00:00:00:02"
      ),
      (
        "macs=52:54:00:00:00:01&macs=52:54:00:00:00:02&ips=0.0.0.0&ips=10.0.2.15", "000000000000525400000001",
        "52:54:00:00:00:02"
      ),
      (
        "macs=52:54:00:00:00:01,52:54:00:00:00:02&ips=10.0.2.15,10.0.3.15", "000000000000525400000001",
        "52:54:00:00:00:01"
      ),
      (
        "macs=52:54:00:00:00:01&macs=52:54:00:00:00:02&ips=10.0.2.15&ips=127.0.0.1", "000000000000525400000001",
        "52:54:00:00:00:02"
      ),
      ("macs=52:54:00:00:00:01&macs=00:1e:67:98:bc:7e", "n1", "52:54:00:00:00:01"),
      (
        "macs=80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0a:6f:11&macs=52:54:00:12:34:56",
        "000000000000525400123456", "52:54:00:12:34:56"
      ),
      (
        "macs=00:00:00:00:00:00&macs=ff:ff:ff:ff:ff:ff&macs=x&macs=&macs=52:54:00:12:34:56&macs=52:54:00:12:34:56",
        "000000000000525400123456", "52:54:00:12:34:56"
      ),
    ])
  func whichNodeAndWhichNIC(query: String, node: String, bootAddress: String) async throws {
    try await withBootDirectory { mock, _ in
      mock.addNode(mac: "00:1e:67:98:bc:7e", id: "n1")
      let script = try await mock.request("GET", "\(profiles)?\(query)").text
      #expect(try kernelParameters(script)["BOOTIF"] == "01-" + bootAddress)
      #expect(mock.state.boots().map(\.nodeID) == [node])
      #expect(mock.state.boots().map(\.bootAddress.description) == [bootAddress])
    }
  }

  @Test func aNodeIsKnownByAllItsNICs() async throws {
    try await withBootDirectory { mock, _ in
      mock.addNode(mac: "00:1e:67:98:bc:7e", id: "n1")
      _ = try await mock.request("GET", "\(profiles)?macs=52:54:00:00:00:01&macs=00:1e:67:98:bc:7e")
      let bootstrap = try await mock.request("GET", "/api/current/tasks/bootstrap.js?macAddress=52:54:00:00:00:01")
      #expect(bootstrap.text.contains("/api/current/tasks/n1"))
      let found = try JSON(parsing: try await mock.request("GET", "/api/current/lookups?q=52-54-00-00-00-01").body)
      #expect(found[0]?["node"] == "n1" && found[0]?["ipAddress"] == "127.0.0.1")
      #expect(found.arrayValue?.map { $0["macAddress"] } == ["52:54:00:00:00:01"])
      let node = try JSON(parsing: try await mock.request("GET", "/api/current/nodes/n1").body)
      #expect(node["identifiers"] == ["00:1e:67:98:bc:7e", "52:54:00:00:00:01"])
      #expect(node["boots"] == 1)
      // An address stays with the node that had it first.
      mock.addNode(mac: "52:54:00:00:00:09", id: "n2")
      _ = try await mock.request("GET", "\(profiles)?macs=52:54:00:00:00:09&macs=52:54:00:00:00:01")
      #expect(mock.state.node("n2")?.macAddresses.map(\.description) == ["52:54:00:00:00:09"])
    }
  }

  @Test(arguments: ["macs=", "macs=&macs=", "macs=00:00:00:00:00:00", "macs=%00", "macs", "macs=52:54:00:12:34"])
  func noUsableAddress(query: String) async throws {
    try await withBootDirectory { mock, _ in
      let answer = try await mock.request("GET", "\(profiles)?\(query)")
      #expect(answer.status == 200)
      #expect(answer.text.contains("echo monorail: the server got no MAC address of this machine's NICs"))
      #expect(
        answer.text.contains("sleep 10\nchain --replace --autofree --timeout 30000 \(base)\(profiles) || goto problem"))
      #expect(mock.state.nodes.isEmpty)
    }
  }

  @Test func aNodeThatMayNotAppearGetsNoProfile() async throws {
    try await withBootDirectory(["x"], change: { $0.registersUnknownNodes = false }) { mock, _ in
      let refused = try await mock.request("GET", "\(profiles)?macs=\(mac)")
      #expect(refused.status == 404)
      mock.addNode(mac: mac, id: "n1")
      let answer = try await mock.request("GET", "\(profiles)?macs=\(mac)")
      #expect(answer.status == 200)
      #expect(mock.state.boots().count == 1)
    }
  }

  @Test func theNewestKernelAndWhatBelongsToIt() async throws {
    let files = [
      "vmlinuz-5.10", "initrd.img-5.10", "base.bullseye.5.10.squashfs.img", "vmlinuz-6.1",
      "base.trixie.6.1.squashfs.img",
      "base.bookworm.6.1.squashfs.img", "initrd.img-6.1", "initrd.img-6.12", "base.sid.6.12.squashfs.img",
      "discovery.overlay.cpio.gz", "vmlinuz-5.10.sha256", "vmlinuz-6.13.sha256", "vmlinuz-",
    ]
    // 5.10 and 6.1 are there as a whole; the last written vmlinuz is 6.1.
    try await withBootDirectory(files) { mock, directory in
      let script = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
      #expect(script.contains("kernel \(base)/common/vmlinuz-6.1 initrd=initrd.img-6.1 "))
      #expect(try kernelParameters(script)["BASEFS"] == "\(base)/common/base.bookworm.6.1.squashfs.img")
      // What is built while the server runs counts.
      try writeBootFile("vmlinuz-5.10", in: directory, age: -100)
      let next = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
      #expect(next.contains("kernel \(base)/common/vmlinuz-5.10 initrd=initrd.img-5.10 "))
      #expect(try kernelParameters(next)["BASEFS"] == "\(base)/common/base.bullseye.5.10.squashfs.img")
    }
  }

  @Test func namedFilesConsoleAndMoreParameters() async throws {
    let files = ["k/bzImage", "k/initrd", "base.img", "a.cpio.gz", "b+1.cpio.zst"]
    try await withBootDirectory(
      files,
      change: {
        $0.boot.kernelFile = "k/bzImage"
        $0.boot.initrdFile = "k/initrd"
        $0.boot.basefsFile = "base.img"
        $0.boot.overlayfsFiles = ["b+1.cpio.zst", "a.cpio.gz"]
        $0.boot.console = "ttyS1,57600n8"
        $0.boot.kernelArguments = "monorail.debug quiet"
        $0.advertisedServer = "10.9.8.7"
        $0.advertisedPort = 80
      }
    ) { mock, _ in
      let script = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
      #expect(script.contains("kernel http://10.9.8.7:80/common/k/bzImage initrd=initrd API_CB=10.9.8.7:80 "))
      #expect(script.contains("\ninitrd http://10.9.8.7:80/common/k/initrd || "))
      let found = try kernelParameters(script)
      #expect(found["OVERLAYFS"] == "http://10.9.8.7:80/common/b+1.cpio.zst,http://10.9.8.7:80/common/a.cpio.gz")
      #expect(found["console"] == "tty0 ttyS1,57600n8")
      #expect(script.contains(" boot=monorail monorail.debug quiet || goto failed\n"))
    }
  }

  @Test(
    arguments: [
      (["vmlinuz-6.1", "discovery.overlay.cpio.gz"], "there is no initrd.img-6.1, no base.*.6.1.squashfs.img in"),
      (["base.bookworm.6.1.squashfs.img", "initrd.img-6.1"], "there is no vmlinuz-*, no discovery.overlay.cpio.gz in"),
      ([], "there is no vmlinuz-*, no initrd.img-*, no base.*.squashfs.img, no discovery.overlay.cpio.gz in"),
    ])
  func whatIsMissingIsSaidOnTheNodesConsole(files: [String], sentence: String) async throws {
    try await withBootDirectory(files) { mock, directory in
      let answer = try await mock.request("GET", "\(profiles)?macs=\(mac)")
      #expect(
        answer.text == """
          #!ipxe
          :problem
          echo monorail: \(sentence) \(directory) at the server
          echo monorail: asking again in 10 seconds
          sleep 10
          chain --replace --autofree --timeout 30000 \(base)\(profiles) || goto problem

          """)
      let boot = try await mock.nextBoot(mac: mac)
      #expect(boot.kernelArguments == nil)
      #expect(boot.problems == ["\(sentence) \(directory) at the server"])
    }
  }

  @Test(arguments: ["../x", "/etc/passwd", "a b", "a$b", "", "linked", "sub", "k\n", "a//b", "é"])
  func filesThatCannotBeBooted(name: String) async throws {
    try await withBootDirectory(["vmlinuz-6.1", "sub/x"], change: { $0.boot.overlayfsFiles = [name] }) {
      mock, directory in
      try FileManager.default.createSymbolicLink(atPath: directory + "/linked", withDestinationPath: "/etc/passwd")
      let script = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
      #expect(script.hasPrefix("#!ipxe\n:problem\necho monorail: there is no "))
      #expect(script.split(separator: "\n").count == 6, "\(script)")
      #expect(!script.contains("$"))
    }
  }

  @Test func withoutABootDirectory() async throws {
    try await withMock { mock in
      let script = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
      #expect(
        script.contains("echo monorail: the server has nothing to boot: start monorail-mock serve with --boot-dir\n"))
    }
  }

  @Test(
    arguments: [
      (String(repeating: "a", count: 2000), "the kernel command line is too long: "),
      ("a\nb", "the kernel command line must be ASCII on one line"), ("\u{e9}", "must be ASCII"),
    ])
  func parametersThatNoKernelTakes(arguments: String, sentence: String) async throws {
    try await withBootDirectory(change: { $0.boot.kernelArguments = arguments }) { mock, _ in
      let script = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
      #expect(script.contains("echo monorail: " + sentence) || script.contains(sentence))
      #expect(!script.contains("\nkernel "))
    }
  }

  @Test func digests() async throws {
    let (first, second, third) = (
      String(repeating: "a1", count: 32), String(repeating: "B2", count: 32), String(repeating: "c3", count: 32)
    )
    try await withBootDirectory(change: {
      $0.boot.withDigests = true
      $0.boot.overlayfsFiles = ["discovery.overlay.cpio.gz", "more.cpio.gz"]
    }) { mock, directory in
      try writeBootFile("more.cpio.gz", in: directory)
      try writeBootFile(
        "base.bookworm.6.1.squashfs.img.sha256", "\(first)  base.bookworm.6.1.squashfs.img\n", in: directory)
      try writeBootFile("discovery.overlay.cpio.gz.sha256", second, in: directory)
      let missing = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
      #expect(missing.contains("there is no more.cpio.gz.sha256 in "))
      try writeBootFile("more.cpio.gz.sha256", third.dropLast() + "\n", in: directory)
      let cut = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
      #expect(cut.contains("more.cpio.gz.sha256 (it does not begin with a SHA-256)"))
      try writeBootFile("more.cpio.gz.sha256", third + "  more.cpio.gz\n", in: directory)
      let found = try kernelParameters(try await mock.request("GET", "\(profiles)?macs=\(mac)").text)
      #expect(found["BASEFS_SHA256"] == first)
      #expect(found["OVERLAYFS_SHA256"] == second.lowercased() + "," + third)
    }
  }

  @Test(arguments: [
    (#"{"kernelFile":"k","initrdFile":"i","basefsFile":"b","overlayfsFile":"o,p","kargs":{"a":"1","b":2}}"#, "k"),
    (
      #"{"defaults":{"kernelFile":"k","initrdFile":"i","basefsFile":"b","overlayfsFile":["o","p"],"kargs":"a=1 b=2"}}"#,
      "k"
    ),
  ])
  func aWorkflowMaySayWhatItsNodeBoots(options: String, kernel: String) async throws {
    try await withBootDirectory(
      [
        "k", "i", "b", "o", "p", "vmlinuz-6.1", "initrd.img-6.1", "base.x.6.1.squashfs.img",
        "discovery.overlay.cpio.gz",
      ],
      change: { $0.boot.kernelArguments = "quiet" }
    ) { mock, _ in
      mock.addNode(mac: mac, id: "n1")
      mock.addNode(mac: "52:54:00:00:00:02", id: "n2")
      let options = try JSON(parsing: options).objectValue ?? JSONObject()
      try mock.push(taskSetText: #"{"tasks":[]}"#, to: "n1", options: options)
      for _ in 1...2 {
        let found = try await mock.request("GET", "\(profiles)?macs=\(mac)").text
        #expect(found.contains("kernel \(base)/common/k initrd=i "))
        #expect(try kernelParameters(found)["BASEFS"] == "\(base)/common/b")
        #expect(try kernelParameters(found)["OVERLAYFS"] == "\(base)/common/o,\(base)/common/p")
        #expect(found.contains(" boot=monorail quiet a=1 b=2 || goto failed"))
        // A node that has taken the task set gets its profile, too, since it may reboot while it runs the tasks.
        _ = try await mock.request("GET", "/api/current/tasks/n1")
      }
      let other = try await mock.request("GET", "\(profiles)?macs=52:54:00:00:00:02").text
      #expect(other.contains("/common/vmlinuz-6.1 "))
    }
  }

  @Test func bootsAreAwaitedAndShown() async throws {
    try await withBootDirectory { mock, _ in
      async let first = mock.nextBoot(mac: "52:54:00:00:00:02")
      let target = "\(profiles)?macs=\(mac)&macs=52:54:00:00:00:02"
      for _ in 1...3 { _ = try await mock.request("GET", target) }
      #expect(try await first.sequence == 1)
      // The same machine, whichever of its NICs is asked for.
      #expect(try await mock.nextBoot(mac: mac).sequence == 2)
      #expect(try await mock.nextBoot(mac: mac).sequence == 3)
      await #expect(throws: WaitTimeout.self) { try await mock.nextBoot(mac: mac, timeout: .zero) }
      let page = try await mock.request("GET", "/")
      #expect(page.text.contains("<td>\(mac)<td>3"))
      #expect(mock.requests.last { $0.path == profiles }?.nodeID == "000000000000525400123456")
    }
  }

  @Test func faultsMeetTheBoot() async throws {
    try await withBootDirectory { mock, _ in
      mock.inject(.status(503), "GET", "/api/*/profiles", times: 1)
      mock.inject(.status(404), "GET", "/common/vmlinuz*", times: 1)
      let refused = try await mock.request("GET", profiles)
      #expect(refused.status == 503)
      let answer = try await mock.request("GET", profiles)
      #expect(answer.status == 200)
      let kernel = try await mock.request("GET", "/common/vmlinuz-6.1")
      #expect(kernel.status == 404)
    }
  }
}
