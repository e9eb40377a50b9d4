import Foundation
import Synchronization
import Testing

@testable import Overlay

/// Only directories that this program made are removed, also when another process exchanges names meanwhile.
@Suite struct StagingDirectoryTests {
  @Test func removesDeepAndClosedDirectories() throws {
    let scratch = try ScratchDirectory()
    do {
      let staging = try StagingDirectory(in: scratch.path, prefix: "x.")
      try run(
        """
        cd '\(staging.path)' && mkdir -p a/b/c d && : >a/b/c/f && : >d/f && ln -s /etc d/link && chmod 0 a/b d &&
        python3 -c 'import os
        for _ in range(2000): os.mkdir("deep"); os.chdir("deep")'
        """)
      #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).count == 1)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
  }

  @Test func leavesWhatIsNotMarkedOrInUse() throws {
    let scratch = try ScratchDirectory()
    try run(
      "cd '\(scratch.path)' && mkdir -m 700 x.1.y x.2.y && : >x.1.y/file && : >x.2.y/.monorail-overlay && mkdir x.3.z")
    let inUse = try StagingDirectory(in: scratch.path, prefix: "x.", suffix: ".y")
    let other = try StagingDirectory(in: scratch.path, prefix: "x.", suffix: ".y")
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
    let made = [inUse, other].map { String($0.path.split(separator: "/").last ?? "") }
    #expect(Set(names) == Set(["x.1.y", "x.3.z"] + made))
  }

  /// A thread exchanges a directory for a symlink to another one, or moves a directory out, as often as it can.
  @Test(arguments: [false, true])
  func followsNothingThatIsExchangedMeanwhile(_ movesAway: Bool) throws {
    let scratch = try ScratchDirectory()
    let count = 500
    try run("mkdir -p '\(scratch("victim/b"))'; cd '\(scratch("victim"))' && seq -f f%g \(count) | xargs touch")
    for _ in 0..<5 {
      let staging = try StagingDirectory(in: scratch.path, prefix: "x.")
      try run(
        """
        cd '\(staging.path)' && mkdir -p a/b && ln -s ../victim link && (cd a && seq -f f%g \(count) | xargs touch) &&
        (cd a/b && seq -f f%g \(count) | xargs touch)
        """)
      let isDone = Mutex(false)
      let (place, victim) = (staging.path, scratch("victim"))
      DispatchQueue.concurrentPerform(iterations: 2) { role in
        if role == 0 {
          staging.remove()
          isDone.withLock { $0 = true }
        } else {
          while !isDone.withLock({ $0 }) {
            if movesAway {
              rename("\(place)/a/b", "\(victim)/b")
            } else {
              rename("\(place)/a", "\(place)/c")
              rename("\(place)/link", "\(place)/a")
              rename("\(place)/a", "\(place)/link")
              rename("\(place)/c", "\(place)/a")
            }
          }
        }
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: scratch("victim")).filter { $0 != "b" }
      #expect(left.count == count)
      try run("rm -rf '\(scratch("victim/b"))' && mkdir '\(scratch("victim/b"))'")
    }
  }
}
