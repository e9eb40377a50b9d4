import Overlay

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
