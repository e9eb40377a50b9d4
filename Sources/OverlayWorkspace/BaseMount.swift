import CLinux
import CWorkspace
import Glibc
import Overlay

/// A read-only squashfs image.
struct BaseMount {
  let path: String

  /// Mounts the image. Its loop device goes with the mount.
  func mount(at directory: String) throws(OverlayError) {
    try BaseImage.checkFormat(path)
    let image = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard image >= 0 else { throw .system("open the base image \(path)") }
    defer { close(image) }
    try checkMagic(image)
    try KernelSupport.loadModule(for: ["squashfs"])
    let device = try attach(image)
    defer { close(device) }
    guard Glibc.mount("/proc/self/fd/\(device)", directory, "squashfs", UInt(MS_RDONLY), nil) == 0 else {
      let error = errno
      let reason =
        switch error {
        case ENODEV: "this kernel has no squashfs (CONFIG_SQUASHFS)"
        case EINVAL, EIO: "the image is damaged, or compressed in a way that this kernel does not know; dmesg says more"
        default: "dmesg may say more"
        }
      throw OverlayError("\(OverlayError.system("mount the base image \(path)", errno: error)): \(reason)")
    }
  }

  private func checkMagic(_ image: Int32) throws(OverlayError) {
    var magic = [UInt8](repeating: 0, count: 4)
    let count = pread(image, &magic, magic.count, 0)
    guard count >= 0 else { throw .system("read the base image \(path)") }
    guard magic == Array("hsqs".utf8) else {
      throw OverlayError("\(path) is no squashfs image; scripts/build-base-image makes one")
    }
  }

  private func attach(_ image: Int32) throws(OverlayError) -> Int32 {
    if access("/dev/loop-control", F_OK) != 0 { KernelSupport.modprobe("loop") }
    let device = monorail_loop_attach(image, path)
    guard device >= 0 else {
      let failure = OverlayError.system("bind \(path) to a loop device")
      throw OverlayError(
        "\(failure): the kernel needs CONFIG_BLK_DEV_LOOP, a container /dev/loop-control and the right to use loop devices"
      )
    }
    return device
  }
}
