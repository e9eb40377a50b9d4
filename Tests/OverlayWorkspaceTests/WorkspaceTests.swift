import Foundation
import Testing

@testable import Overlay
@testable import OverlayWorkspace

@Suite struct KernelSupportTests {
  @Test func fileSystemsAreReadAsTheKernelListsThem() {
    #expect(
      KernelSupport.fileSystems(in: "nodev\tsysfs\n\text4\n\tsquashfs\nnodev\toverlay\n") == [
        "sysfs", "ext4", "squashfs", "overlay",
      ])
  }

  @Test func modernKernelsGetAWorkDirectoryAndNoAttributes() throws {
    let mount = try OverlayMount(
      fileSystems: ["overlay", "overlayfs"], parameters: ["redirect_dir", "metacopy", "index", "xino_auto"],
      lower: "/m/base", upper: "/m/upper", work: "/m/work")
    #expect(mount.type == "overlay")
    #expect(
      mount.options
        == "lowerdir=/m/base,upperdir=/m/upper,workdir=/m/work,redirect_dir=off,metacopy=off,index=off")
  }

  @Test func optionsThatTheKernelDoesNotKnowAreNotGiven() throws {
    let mount = try OverlayMount(fileSystems: ["overlay"], parameters: [], lower: "/b", upper: "/u", work: "/w")
    #expect(mount.options == "lowerdir=/b,upperdir=/u,workdir=/w")
  }

  @Test func oldKernelsGetNoWorkDirectory() throws {
    let mount = try OverlayMount(fileSystems: ["overlayfs"], parameters: [], lower: "/b", upper: "/u", work: "/w")
    #expect((mount.type, mount.options) == ("overlayfs", "lowerdir=/b,upperdir=/u"))
  }

  @Test func aKernelWithNeitherIsNamed() {
    let error = #expect(throws: OverlayError.self) {
      _ = try OverlayMount(fileSystems: ["ext4"], parameters: [], lower: "/b", upper: "/u", work: "/w")
    }
    #expect(error?.description.contains("neither overlay nor overlayfs") == true)
  }
}

@Suite struct MountPointTests {
  @Test(arguments: [
    (["/home/me/x.cpio.gz"], "/mnt"), (["/mnt/x.cpio.gz"], "/media"), (["/mnt", "/media/disk/base.img"], "/srv"),
    (["/mnt2/x"], "/mnt"),
  ])
  func nothingThatIsNeededIsCovered(_ needed: [String], _ expected: String) throws {
    #expect(try MountPoint.choose(needed: needed) { _ in true } == expected)
  }

  @Test func aDirectoryThatIsNotThereIsNotTaken() throws {
    #expect(try MountPoint.choose(needed: []) { $0 == "/opt" } == "/opt")
    #expect(throws: OverlayError.self) { try MountPoint.choose(needed: []) { _ in false } }
  }
}

@Suite struct BindTests {
  @Test(arguments: [("debs:/debs", "debs", "/debs"), ("/a:b:/c/d", "/a:b", "/c/d")])
  func isASourceAndADestination(_ text: String, _ source: String, _ destination: String) throws {
    let bind = try #require(Workspace.Bind(text))
    #expect((bind.source, bind.destination) == (source, destination))
  }

  @Test(arguments: ["", "debs", ":/debs", "debs:", "debs:debs", "debs:/", "debs://"])
  func elseIsNoBind(_ text: String) { #expect(Workspace.Bind(text) == nil) }
}

@Suite struct ShellEnvironmentTests {
  @Test func onlyWhatIsNeededGetsIn() {
    let outside = ["TERM": "xterm", "http_proxy": "http://proxy:3128", "HOME": "/home/me", "SECRET": "x", "PATH": "/x"]
    let command = ShellEnvironment.variables(outside: outside, isInteractive: false)
    #expect(command.contains("TERM=xterm") && command.contains("http_proxy=http://proxy:3128"))
    #expect(command.contains("HOME=/root") && command.contains("DEBIAN_FRONTEND=noninteractive"))
    #expect(!command.contains { $0.hasPrefix("SECRET=") || $0 == "PATH=/x" })
    let shell = ShellEnvironment.variables(outside: [:], isInteractive: true)
    #expect(!shell.contains { $0.hasPrefix("DEBIAN_FRONTEND=") } && shell.contains("debian_chroot=overlay"))
  }
}

@Suite struct WorkspaceRootTests {
  @Test(arguments: [
    ("etc/resolv.conf", "run/resolve/stub"), ("etc/hosts", "etc/hosts"), ("up", "etc"), ("deep/none/x", "deep/none/x"),
    ("abs/hosts", "etc/hosts"), ("etc/../../../etc/hosts", "etc/hosts"),
  ])
  func symlinksMeanWhatTheyMeanInside(_ inner: String, _ expected: String) throws {
    let directory = try TemporaryDirectory()
    let manager = FileManager.default
    try manager.createDirectory(atPath: directory.path + "/etc", withIntermediateDirectories: true)
    for (name, target) in [
      ("etc/resolv.conf", "../run/resolve/stub"), ("up", "../../../../etc"), ("abs", "/etc"),
    ] {
      try manager.createSymbolicLink(atPath: "\(directory.path)/\(name)", withDestinationPath: target)
    }
    #expect(try WorkspaceRoot(path: directory.path).resolve(inner) == "\(directory.path)/\(expected)")
  }

  @Test func aLoopOfSymlinksIsAnError() throws {
    let directory = try TemporaryDirectory()
    try FileManager.default.createSymbolicLink(atPath: directory.path + "/loop", withDestinationPath: "/loop")
    #expect(throws: OverlayError.self) { try WorkspaceRoot(path: directory.path).resolve("loop/x") }
  }
}
