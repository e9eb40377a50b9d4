import Foundation
import JSONDocument
import Overlay
import Recipes
import TestSupport
import Testing

@testable import OverlayBuild

struct SPDXTests {
  private static let digits = String(repeating: "ab", count: 32)

  /// A document with everything in it.
  private static var document: SPDXDocument {
    var lock = Lock(base: Lock.File(name: "base.img", sha256: digits), epoch: 1_700_000_000)
    lock.files = [
      Lock.File(name: "overlay-skel", sha256: digits), Lock.File(name: "../vendor/raid.cpio.gz", sha256: digits),
    ]
    lock.downloads = [
      Lock.Download(url: "https://example.com/tools/megacli.zip?v=1", sha256: digits),
      Lock.Download(url: "https://example.com/tools/megacli.zip?v=1", sha256: digits),
    ]
    func package(_ name: String, _ version: String, url: String?, requested: Bool) -> Lock.Package {
      Lock.Package(
        name: name, version: version, architecture: "amd64", url: url, size: 1, sha256: digits, isRequested: requested)
    }
    lock.packageSets = [
      Lock.PackageSet(
        recipe: "discovery.yaml", key: "packages", request: digits,
        packages: [
          package("pciutils", "1:3.9.0-4", url: "http://deb.debian.org/pciutils.deb", requested: true),
          package("libpci3", "1:3.9.0-4", url: nil, requested: false),
        ]),
      Lock.PackageSet(
        recipe: "module.yaml", key: "modules", request: digits,
        packages: [package("make", "4.3-4.1", url: "http://deb.debian.org/make.deb", requested: true)]),
    ]
    var document = SPDXDocument(archive: Lock.File(name: "discovery.overlay.cpio.gz", sha256: digits), lock: lock)
    var pciutils = DebianPackage(name: "pciutils", version: "1:3.9.0-4", architecture: "amd64")
    pciutils.maintainer = "Guillem Jover <guillem@debian.org>"
    (pciutils.homepage, pciutils.source) = ("https://mj.ucw.cz/sw/pciutils/", "pciutils (3.9)")
    document.packages = [
      pciutils, DebianPackage(name: "libpci3", version: "1:3.9.0-4", architecture: "amd64"),
      DebianPackage(name: "g++-12", version: "12.2.0-14+deb12u1~bpo", architecture: "amd64"),
      DebianPackage(name: "g--12", version: "1", architecture: "amd64"),
    ]
    document.required = [
      Lock.File(name: "etc/rc.local", sha256: digits), Lock.File(name: "opt/monorail/monorail-agent", sha256: digits),
    ]
    document.modules = [Lock.File(name: "usr/lib/modules/6.1/extra/x.ko", sha256: digits)]
    return document
  }

  private func packages(_ document: JSON) -> [JSON] { document["packages"]?.arrayValue ?? [] }

  @Test func `The document has the fields that SPDX 2.3 requires`() {
    let json = Self.document.json
    #expect(json["spdxVersion"] == "SPDX-2.3" && json["dataLicense"] == "CC0-1.0")
    #expect(json["SPDXID"] == "SPDXRef-DOCUMENT" && json["name"] == "discovery.overlay.cpio.gz")
    #expect(
      json["documentNamespace"]
        == .string("https://spdx.org/spdxdocs/discovery.overlay.cpio.gz-\(Self.digits)"))
    #expect(json["creationInfo"] == ["created": "2023-11-14T22:13:20Z", "creators": ["Tool: monorail-overlay"]])
    for package in packages(json) {
      #expect(package["name"]?.stringValue?.isEmpty == false && package["filesAnalyzed"] == false)
      for key in ["downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText"] {
        #expect(package[key]?.stringValue?.isEmpty == false, "\(package.text)")
      }
    }
  }

  @Test func `Identifiers are of the letters that SPDX allows, each once, and relationships name only them`() {
    let json = Self.document.json
    let identifiers = ["SPDXRef-DOCUMENT"] + packages(json).compactMap { $0["SPDXID"]?.stringValue }
    #expect(identifiers.count == packages(json).count + 1 && Set(identifiers).count == identifiers.count)
    for identifier in identifiers {
      #expect(identifier.wholeMatch(of: /SPDXRef-[A-Za-z0-9.-]+/) != nil, "\(identifier)")
    }
    let relationships = json["relationships"]?.arrayValue ?? []
    for relationship in relationships {
      for key in ["spdxElementId", "relatedSpdxElement"] {
        #expect(identifiers.contains(relationship[key]?.stringValue ?? ""), "\(relationship.text)")
      }
    }
    // Every package has a relationship, so that no program takes it for something that is not there.
    for identifier in identifiers {
      #expect(
        relationships.contains {
          [$0["spdxElementId"], $0["relatedSpdxElement"]].contains(.string(identifier))
        }, "\(identifier)")
    }
  }

  @Test func `All that the overlay is made of is named, with what the lock knows`() throws {
    let all = packages(Self.document.json)
    func one(_ name: String) throws -> JSON { try #require(all.first { $0["name"] == .string(name) }, "\(name)") }
    #expect(
      all.compactMap { $0["name"]?.stringValue } == [
        "discovery.overlay.cpio.gz", "base.img", "pciutils", "libpci3", "g++-12", "g--12", "megacli.zip",
        "../vendor/raid.cpio.gz", "etc/rc.local", "opt/monorail/monorail-agent", "usr/lib/modules/6.1/extra/x.ko",
        "make",
      ])
    let checksums: JSON = [["algorithm": "SHA256", "checksumValue": .string(Self.digits)]]
    let pciutils = try one("pciutils")
    #expect(pciutils["checksums"] == checksums && pciutils["versionInfo"] == "1:3.9.0-4")
    #expect(pciutils["downloadLocation"] == "http://deb.debian.org/pciutils.deb")
    #expect(pciutils["supplier"] == "Person: Guillem Jover (guillem@debian.org)")
    #expect(pciutils["homepage"] == "https://mj.ucw.cz/sw/pciutils/")
    #expect(pciutils["sourceInfo"] == "built from the source package pciutils (3.9)")
    #expect(pciutils["comment"] == "discovery.yaml asks for it")
    #expect(try one("make")["comment"] == "the kernel modules of module.yaml are built with it")
    #expect(try one("libpci3")["comment"] == "another package that discovery.yaml brings needs it")
    #expect(try one("libpci3")["downloadLocation"] == "NOASSERTION" && one("g++-12")["checksums"] == nil)
    #expect(try one("megacli.zip")["downloadLocation"] == "https://example.com/tools/megacli.zip?v=1")
    let relationships = Self.document.json["relationships"]?.arrayValue ?? []
    func relates(_ element: String, _ type: String, _ other: String) throws -> Bool {
      let (element, other) = (try one(element)["SPDXID"] ?? .null, try one(other)["SPDXID"] ?? .null)
      return relationships.contains {
        $0["spdxElementId"] == element && $0["relationshipType"] == .string(type) && $0["relatedSpdxElement"] == other
      }
    }
    #expect(try relates("discovery.overlay.cpio.gz", "DEPENDS_ON", "base.img"))
    #expect(try relates("discovery.overlay.cpio.gz", "CONTAINS", "opt/monorail/monorail-agent"))
    #expect(try relates("make", "BUILD_DEPENDENCY_OF", "usr/lib/modules/6.1/extra/x.ko"))
  }

  @Test(arguments: [
    ("pciutils", "1:3.9.0-4", "debian", "pkg:deb/debian/pciutils@1:3.9.0-4?arch=amd64"),
    ("g++-12", "12.2.0-14+deb12u1~bpo", "debian", "pkg:deb/debian/g%2B%2B-12@12.2.0-14%2Bdeb12u1~bpo?arch=amd64"),
    ("curl", "1 ü@?#/%", "Ubuntu", "pkg:deb/ubuntu/curl@1%20%C3%BC%40%3F%23%2F%25?arch=amd64"),
  ])
  func `Package URLs are encoded as their specification says`(
    _ name: String, _ version: String, _ distribution: String, _ url: String
  ) {
    let package = DebianPackage(name: name, version: version, architecture: "amd64")
    #expect(PackageURL.debian(package, distribution) == url)
  }

  @Test(arguments: [
    ("Guillem Jover <guillem@debian.org>", "Person: Guillem Jover (guillem@debian.org)"),
    (
      "Debian OpenSSH Maintainers <debian-ssh@lists.debian.org>",
      "Organization: Debian OpenSSH Maintainers (debian-ssh@lists.debian.org)"
    ),
    ("A (B) <a@b.c>", "Person: A [B] (a@b.c)"), ("Somebody", "Person: Somebody"), ("<x@y.z>", "Person: x@y.z"),
    ("", nil), (nil, nil),
  ])
  func `A maintainer is a person or a group`(_ maintainer: String?, _ actor: String?) {
    #expect(SPDXPackage.actor(maintainer) == actor)
  }

  /// A whole overlay: what is told by the archive, the base image and the origins.
  @Test func `The packages, required files and modules of a real overlay are found`() throws {
    let scratch = try ScratchDirectory()
    func paragraph(_ name: String, _ version: String, status: String = "install ok installed") -> String {
      "Package: \(name)\nStatus: \(status)\nMaintainer: A <a@b.c>\nArchitecture: amd64\nVersion: \(version)\n"
        + "Description: text\n Version: no field\n\n"
    }
    let common = paragraph("libc6", "2.36") + paragraph("bash", "5.2")
    try scratch.write(common, to: "status")
    let made = try ChildProcess.run(
      [
        "/bin/sh", "-euc",
        """
        mkdir -p base/var/lib/dpkg base/usr/lib; mv status base/var/lib/dpkg/
        printf 'NAME="X"\\nID="ubuntu"\\n' >base/usr/lib/os-release
        mksquashfs base base.img -quiet -no-progress
        """,
      ], in: scratch.path)
    #expect(made.end == .exited(0), "\(made.errors)")
    var overlay = try TestOverlay()
    try overlay.file(
      "var/lib/dpkg/status",
      paragraph("bash", "5.3") + paragraph("libc6", "2.36") + paragraph("new", "1")
        + paragraph("half", "1", status: "install ok unpacked")
        + paragraph("left", "1", status: "deinstall ok config-files"))
    try overlay.file("etc/rc.local", "#!/bin/sh\n", mode: 0o755)
    try overlay.file("usr/lib/modules/6.1/extra/x.ko", "module")
    try overlay.file("usr/lib/modules/6.1/modules.dep", "list")
    let index = try overlay.write(to: scratch("x.cpio"))
    let modules = Origin.recipe(Place("a.yaml", line: 1), key: "modules", detail: "")
    var origins = Origins()
    origins.apply(
      ArchiveChanges(from: nil, to: index), step: .recipe(Place("a.yaml", line: 2), key: "packages", detail: ""),
      named: [
        try OverlayPath("etc/rc.local"): .required(source: "rc.local"),
        try OverlayPath("usr/lib/modules/6.1/extra/x.ko"): modules,
        try OverlayPath("usr/lib/modules/6.1/modules.dep"): modules,
      ])
    func document() throws -> SPDXDocument {
      try SPDXDocument(
        archive: Lock.File(name: "x.cpio", sha256: Self.digits), index: index, base: BaseImage(scratch("base.img")),
        lock: Lock(base: Lock.File(name: "base.img", sha256: Self.digits), epoch: 0), origins: origins,
        limits: ArchiveLimits())
    }
    let found = try document()
    #expect(found.packages.map { "\($0.name) \($0.version)" } == ["bash 5.3", "new 1"])
    #expect(found.required.map(\.name) == ["etc/rc.local"])
    #expect(found.modules.map(\.name) == ["usr/lib/modules/6.1/extra/x.ko"])
    #expect(found.distribution == "ubuntu")
    try found.write(beside: scratch("x.cpio"))
    let text = scratch.text(of: "x.cpio.spdx.json")
    #expect(text.contains("pkg:deb/ubuntu/bash@5.3?arch=amd64"))
    try document().write(beside: scratch("x.cpio"))
    #expect(scratch.text(of: "x.cpio.spdx.json") == text)
  }
}
