import Testing

@testable import Overlay
@testable import OverlayWorkspace

@Suite struct LeftoversTests {
  @Test(arguments: [
    "var/lib/apt/lists/deb.example.org_dists_main", "var/lib/apt/lists/partial", "var/lib/apt/lists/partial/x",
    "var/cache/apt/pkgcache.bin", "var/cache/apt/archives", "var/cache/apt/archives/tool_1_amd64.deb",
    "var/cache/debconf/config.dat-old", "var/lib/dpkg/status-old", "var/lib/dpkg/lock", "var/log/dpkg.log",
    "var/log/apt/history.log", "var/cache/ldconfig/aux-cache", "root/.bash_history", "root/.ash_history", "tmp/x/y",
    "var/tmp/x", "run/lock", "etc/passwd-", "etc/.pwd.lock",
  ])
  func areLeftOut(_ path: String) throws {
    #expect(Leftovers.contain(try OverlayPath(path)))
  }

  @Test(arguments: [
    "var/lib/apt/lists", "var/lib/apt", "var/cache/apt", "var/lib/dpkg/status", "var/cache/debconf/config.dat",
    "var/log/dpkg.log.1", "var/log", "root/.bashrc", "root/sub/.bash_history", "home/x/.bash_history", "tmp", "run",
    "opt/tmp/x", "etc/hosts-old", "etc/passwd", "var/cache/debconf/sub/x-old",
  ])
  func stay(_ path: String) throws {
    #expect(!Leftovers.contain(try OverlayPath(path)))
  }
}
