import Foundation
import JSONDocument
import TestSupport
import Testing

@testable import Workflows

/// The scripts and longer commands of the library, run with tools that answer by hand.
@Suite struct ScriptTests {
  private static let hasNode = FileManager.default.isExecutableFile(atPath: "/usr/bin/node")

  /// Tools of these names, which are shell scripts, before those of the machine.
  private static func run(
    _ command: [String], tools: [String: String], in directory: ScratchDirectory
  ) throws -> ChildProcess.Result {
    try FileManager.default.createDirectory(atPath: directory("bin"), withIntermediateDirectories: true)
    for (name, script) in tools {
      try directory.write("#!/bin/sh\n\(script)\n", to: "script")
      _ = try ChildProcess.program(directory("bin/\(name)"), from: directory("script"))
    }
    let path = "\(directory("bin")):/usr/sbin:/usr/bin:/sbin:/bin"
    return try ChildProcess.run(command, environment: ["PATH": path], in: directory.path)
  }

  /// The first command of a task of a graph, as the node gets it.
  private static func command(_ graph: String, _ label: String, _ options: JSON) throws -> String {
    let library = try DefinitionLibrary.stock()
    let request = RunRequest(
      options: ([.init(label): options] as JSON).object,
      context: (["user": "admin", "password": "0badcafe"] as JSON).object, target: "n1", scope: .test)
    let plan = try plan(.object(try library.graph(graph).document), request: request, library: library, jobs: .stock)
    let task = try #require(plan.tasks.first { $0.label == label })
    let final = try plan.finalOptions(of: task, context: plan.context)
    return try #require(final["commands"]?.arrayValue?.first?.stringValue)
  }

  /// The data of the catalog that the program makes of a command's output.
  private static func catalog(_ command: String, of output: String, in directory: ScratchDirectory) throws -> JSON? {
    try directory.write(output, to: "output")
    let program = BuiltPrograms.path("monorail-mock")
    let end = try run(
      ["/bin/sh", "-c", #"exec "$0" catalog "$1" <output"#, program, command], tools: [:], in: directory)
    #expect(end.code == 0, "\(end.errors)")
    return try JSON(parsing: end.output)["data"]
  }

  private static let sudo = #"exec "$@""#

  /// `user list` prints users; what else it is told is noted.
  private static func ipmitool(_ users: String) -> String {
    """
    case "$*" in "-c user list 1") printf '\(users)' ;; *) echo "$*" >> calls ;; esac
    """
  }

  @Test(
    arguments: [
      (
        "1,,true,false,true,NO ACCESS\\n2,root,true,true,true,ADMINISTRATOR\\n3,,true,false,false,NO ACCESS\\n", "3",
        true
      ),
      (
        "1,,true,false,true,NO ACCESS\\n2,root,true,true,true,ADMINISTRATOR\\n4,admin,true,true,true,USER\\n", "4",
        false
      ),
    ])
  func `a user of a BMC gets a place of its own, or keeps the one it has`(users: String, id: String, isNew: Bool) throws
  {
    let directory = try ScratchDirectory()
    let command = try Self.command("Graph.Set.Bmc.Credentials", "set-bmc", [:])
    let end = try Self.run(
      ["/bin/sh", "-c", command], tools: ["sudo": Self.sudo, "ipmitool": Self.ipmitool(users)], in: directory)
    #expect(end.code == 0, "\(end.errors)")
    #expect(!end.errors.contains("0badcafe"))
    let calls = directory.text(of: "calls").split(separator: "\n").map(String.init)
    #expect(
      calls == (isNew ? ["user set name \(id) admin"] : []) + [
        "user set password \(id) 0badcafe",
        "channel setaccess 1 \(id) callin=on ipmi=on link=on privilege=4", "user enable \(id)",
      ])
  }

  @Test func `a BMC without a place for a user fails the command`() throws {
    let directory = try ScratchDirectory()
    let command = try Self.command("Graph.Set.Bmc.Credentials", "set-bmc", [:])
    let end = try Self.run(
      ["/bin/sh", "-c", command],
      tools: ["sudo": Self.sudo, "ipmitool": Self.ipmitool("1,,true,false,true,NO ACCESS\\n")],
      in: directory)
    #expect(end.code == 1)
    #expect(end.errors == "the BMC has no place for a user\n")
    #expect(directory.text(of: "calls").isEmpty)
  }

  @Test func `users of a BMC are removed by their names`() throws {
    let directory = try ScratchDirectory()
    let command = try Self.command(
      "Graph.Remove.Bmc.Credentials", "remove-bmc-credentials", ["users": ["old", "other", "none"]])
    let users = "2,root,true,true,true,USER\\n3,old,true,true,true,USER\\n5,other,true,true,true,USER\\n"
    let end = try Self.run(
      ["/bin/sh", "-c", command], tools: ["sudo": Self.sudo, "ipmitool": Self.ipmitool(users)], in: directory)
    #expect(end.code == 0, "\(end.errors)")
    #expect(
      directory.text(of: "calls") == """
        user disable 3
        user set name 3 
        user disable 5
        user set name 5 

        """)
  }

  @Test func `volumes are made of the drives that are named`() throws {
    let directory = try ScratchDirectory()
    let command = try Self.command(
      "Graph.Bootstrap.Megaraid.Configure", "config-raid",
      [
        "path": "storcli", "hddArr": [["enclosure": 252, "type": "raid1", "drives": "[0, 1]"]],
        "ssdCacheCadeArr": [["enclosure": 252, "type": "raid0", "drives": "4"]],
      ])
    let end = try Self.run(
      ["/bin/sh", "-c", command], tools: ["sudo": Self.sudo, "storcli": #"echo "$*" >> calls"#], in: directory)
    #expect(end.code == 0, "\(end.errors)")
    #expect(
      directory.text(of: "calls") == """
        /c0 add vd type=raid1 drives=252:0,1
        /c0 add vd cachecade type=raid0 drives=252:4

        """)
  }

  @Test func `what get_smart prints becomes the catalog smart`() throws {
    let directory = try ScratchDirectory()
    try directory.write(try #require(StockTemplates.text(named: "get_smart.sh")), to: "get_smart.sh")
    let smartctl = #"""
      printf '{"smartctl":{"version":[7,3]},"device":{"name":"%s","type":"sat"},"smart_status":{"passed":true}}' "$3"
      exit 4
      """#
    let end = try Self.run(
      ["/bin/bash", "get_smart.sh"],
      tools: ["lsblk": #"printf 'sda disk\nloop0 disk\nsr0 rom\nsdb disk\n'"#, "smartctl": smartctl], in: directory)
    #expect(end.code == 0, "\(end.errors)")
    let catalog = try Self.catalog("sudo bash get_smart.sh", of: end.output, in: directory)
    let data = try #require(catalog?.arrayValue)
    #expect(data.map { $0["OS Device Name"] } == ["/dev/sda sat", "/dev/sdb sat"])
  }

  @Test(.enabled(if: hasNode, "Node.js is not installed"))
  func `what get_driveid prints becomes the catalog driveId`() throws {
    let directory = try ScratchDirectory()
    try directory.write(try #require(StockTemplates.text(named: "get_driveid.js")), to: "get_driveid.js")
    let lsscsi = """
      cat <<'END'
      [0:0:0:0]    disk    ATA      SATADOM-SV 3SE   S130  /dev/sdxa
      [1:2:7:0]    disk    AVAGO    MR9361-8i        4.68  /dev/sdxb
      [2:0:0:0]    cd/dvd  QEMU     QEMU DVD-ROM     2.5+  /dev/sr0
      [3:0:0:0]    enclosu LSI      SAS              1.0   -
      END
      """
    let hdparm =
      #"[ "$2" = /dev/sdxa ] && printf '\tModel Number:       SATADOM-SV 3SE  \n\tSerial Number:      2015AA99  \n'"#
    let end = try Self.run(
      ["/usr/bin/node", "get_driveid.js"], tools: ["lsscsi": lsscsi, "hdparm": hdparm], in: directory)
    #expect(end.code == 0, "\(end.errors)")
    let catalog = try Self.catalog("sudo node get_driveid.js", of: end.output, in: directory)
    let name =
      "t10.ATA_____SATADOM-SV_3SE" + String(repeating: "_", count: 26) + "2015AA99" + String(repeating: "_", count: 12)
    #expect(
      catalog == [
        [
          "scsiId": "0:0:0:0", "virtualDisk": "", "esxiWwid": .string(name), "devName": "sdxa", "linuxWwid": "",
          "identifier": 0,
        ],
        [
          "scsiId": "1:2:7:0", "virtualDisk": "/c0/v7", "esxiWwid": "", "devName": "sdxb", "linuxWwid": "",
          "identifier": 1,
        ],
      ])
  }
}
