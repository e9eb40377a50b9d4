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

  /// That it does not work shows in what follows.
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

/// How the kernel lays one directory over another.
struct OverlayMount: Equatable {
  /// `overlay`, or `overlayfs`, as kernels up to 3.17 with a distribution's patch call it.
  var type: String
  var options: String

  /// - Parameters:
  ///   - fileSystems: the kernel's.
  ///   - parameters: of its overlay module, `/sys/module/overlay/parameters`: an option that it does not know is an error.
  /// - Throws: when the kernel has neither.
  init(
    fileSystems: Set<String>, parameters: Set<String>, lower: String, upper: String, work: String
  ) throws(OverlayError) {
    if fileSystems.contains("overlay") {
      type = "overlay"
      // Each of these would put into attributes what an archive cannot hold.
      let off = ["redirect_dir", "metacopy", "index"].filter(parameters.contains).map { ",\($0)=off" }
      options = "lowerdir=\(lower),upperdir=\(upper),workdir=\(work)" + off.joined()
    } else if fileSystems.contains("overlayfs") {
      type = "overlayfs"
      options = "lowerdir=\(lower),upperdir=\(upper)"
    } else {
      throw OverlayError(
        "this kernel has neither overlay nor overlayfs (/proc/filesystems): it needs one with CONFIG_OVERLAY_FS")
    }
  }
}
