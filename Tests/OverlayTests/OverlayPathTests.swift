import Testing

@testable import Overlay

@Suite struct OverlayPathTests {
  @Test(arguments: [
    ("etc/hosts", "etc/hosts"), ("./etc/hosts", "etc/hosts"), ("etc//hosts/", "etc/hosts"), (".", "."), ("./", "."),
    ("././a/./b/.", "a/b"), ("...", "..."), ("..a/b..", "..a/b.."), ("a b", "a b"), ("ä", "ä"),
    ("a\nb", #"a\012b"#), (#"a\b"#, #"a\134b"#), ("\u{1B}[2J", #"\033[2J"#), ("a\u{202E}b", #"a\342\200\256b"#),
  ])
  func readsNames(_ name: String, _ description: String) throws {
    #expect(try OverlayPath(name).description == description)
  }

  @Test(arguments: [
    ([0xFF], #"\377"#), ([0x61, 0xC3], #"a\303"#), ([0xC3, 0x28], #"\303("#), ([0xED, 0xA0, 0x80], #"\355\240\200"#),
    ([0xF5, 0x80, 0x80, 0x80], #"\365\200\200\200"#), ([0xC0, 0xAE], #"\300\256"#),
  ])
  func takesNamesThatAreNoText(_ name: [UInt8], _ description: String) throws {
    let path = try OverlayPath(archiveName: name)
    #expect(path.bytes == name)
    #expect(path.description == description)
  }

  @Test(arguments: [
    ("", "empty name"), ("/", "absolute"), ("/etc", "absolute"), ("..", "leads out"), ("a/..", "leads out"),
    ("../a", "leads out"), ("./..", "leads out"), ("a/../b", "leads out"), ("a\0b", "NUL"),
    (String(repeating: "n", count: 256), "255 bytes"), (String(repeating: "n/", count: 2049), "4095 bytes"),
  ])
  func refusesWhatIsNotInside(_ name: String, _ reason: String) {
    let error = #expect(throws: OverlayError.self) { try OverlayPath(name) }
    #expect(error?.description.contains(reason) == true)
  }

  @Test func sortsLikeAWalk() throws {
    let walk = ["d", "d/a", "d/a/b", "d/b", "d a", "d-a", "d.a", "d0", "da", "da/a", "e"]
    let paths = try walk.map { try OverlayPath($0) }
    #expect(paths.reversed().sorted() == paths)
    #expect(OverlayPath.root < paths[0])
    for path in paths { #expect(!(path < path)) }
  }

  /// The first difference, at every place of a path that is compared in blocks.
  @Test func findsTheFirstDifference() throws {
    for length in 1...70 {
      let path = [UInt8](repeating: UInt8(ascii: "m"), count: length)
      for place in path.indices {
        var less = path
        less[place] = UInt8(ascii: "l")
        let (left, right) = (try OverlayPath(archiveName: less), try OverlayPath(archiveName: path))
        #expect(left < right && !(right < left))
      }
    }
  }

  @Test func knowsWhatItIsIn() throws {
    let path = try OverlayPath("usr/local/bin/x")
    #expect(path.ancestors.map(\.description) == ["usr/local/bin", "usr/local", "usr", "."])
    #expect(path.name.elementsEqual("x".utf8))
    #expect(path.parent?.appending(path.name) == path)
    #expect(OverlayPath.root.parent == nil)
    #expect(try path.isInside(.root) && path.isInside(OverlayPath("usr/local")))
    #expect(try !path.isInside(path) && !path.isInside(OverlayPath("usr/loc")) && !OverlayPath.root.isInside(.root))
  }
}
