import Overlay
import Testing

@Suite struct DiffTextTests {
  private static func entry(_ kind: Entry.Kind, _ permissions: UInt32, modified: UInt32 = 0) -> Entry {
    Entry(.root, kind, permissions: permissions, modified: modified)
  }

  /// What `ls -l` shows of files with these modes.
  @Test(
    arguments: [
      (0o644, "-rw-r--r--"), (0o755, "-rwxr-xr-x"), (0, "----------"), (0o4755, "-rwsr-xr-x"), (0o4644, "-rwSr--r--"),
      (0o2755, "-rwxr-sr-x"), (0o2745, "-rwxr-Sr-x"), (0o1777, "-rwxrwxrwt"), (0o1776, "-rwxrwxrwT"),
      (0o7000, "---S--S--T"),
    ] as [(UInt32, String)])
  func modesAreWrittenAsByLs(_ mode: UInt32, _ text: String) {
    #expect(Self.entry(.file(size: 0), mode).modeText == text)
  }

  private static let device = Entry.DeviceNumber(major: 8, minor: 1)

  @Test(
    arguments: [
      (.file(size: 1), "-", "file of 1 byte"), (.file(size: 2), "-", "file of 2 bytes"), (.directory, "d", "directory"),
      (.symlink(target: [0x61, 0xFF]), "l", "symlink to a\\377"), (.fifo, "p", "fifo"), (.socket, "s", "socket"),
      (.characterDevice(device), "c", "character device 8,1"), (.blockDevice(device), "b", "block device 8,1"),
      (.characterDevice(Entry.DeviceNumber(major: 0, minor: 0)), "c", "whiteout"),
    ] as [(Entry.Kind, String, String)])
  func kindsHaveALetterAndWords(_ kind: Entry.Kind, _ letter: String, _ words: String) {
    #expect(Self.entry(kind, 0).modeText == letter + "---------")
    #expect(Self.entry(kind, 0).summary == words)
  }

  @Test(
    arguments: [
      (0, "1970-01-01 00:00:00"), (951_782_400, "2000-02-29 00:00:00"), (2_147_483_648, "2038-01-19 03:14:08"),
      (.max, "2106-02-07 06:28:15"),
    ] as [(UInt32, String)])
  func timesAreInUTC(_ seconds: UInt32, _ text: String) {
    #expect(Self.entry(.directory, 0, modified: seconds).timeText == text)
  }

  @Test(arguments: [(0o4755, "4755"), (0o644, "0644"), (0, "0000")] as [(UInt32, String)])
  func octalModesHaveFourDigits(_ mode: UInt32, _ text: String) {
    #expect(Self.entry(.fifo, mode).octalMode == text)
  }
}
