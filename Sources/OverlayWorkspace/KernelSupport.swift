import CLinux
import Glibc
import Overlay
import SystemFiles

/// File systems that the kernel may only know after a module was loaded.
enum KernelSupport {
  /// The names in the text of /proc/filesystems.
  static func fileSystems(in text: String) -> Set<String> {
    Set(text.split(separator: "\n").compactMap { $0.split(whereSeparator: \.isWhitespace).last.map(String.init) })
  }

  static func fileSystems() throws(OverlayError) -> Set<String> {
    do throws(SystemError) {
      let text = try FileSystem.contents(of: "/proc/filesystems") ?? []
      return fileSystems(in: String(decoding: text, as: UTF8.self))
    } catch { throw OverlayError(error) }
  }

  /// Loads one of these modules when the kernel knows none of these file systems yet.
  static func loadModule(for names: [String]) throws(OverlayError) {
    let known = try fileSystems()
    guard known.isDisjoint(with: names) else { return }
    for name in names { modprobe(name) }
  }

  /// Loads a module. A failure is ignored: the mount that needs the module fails then, and says why.
  static func modprobe(_ name: String) {
    guard let program = ["/sbin/modprobe", "/usr/sbin/modprobe"].first(where: FileSystem.exists) else { return }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let arguments: [UnsafeMutablePointer<CChar>?] = [strdup(program), strdup("-q"), strdup(name), nil]
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    guard posix_spawn(&child, program, nil, &attributes, arguments, environ) == 0 else { return }
    while waitpid(child, nil, 0) < 0, errno == EINTR {}
  }
}
