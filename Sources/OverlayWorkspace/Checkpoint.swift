import Glibc

/// A moment in the life of a workspace at which a test can have the program stop itself (SIGSTOP), in order to kill it there:
/// the environment variable `MONORAIL_OVERLAY_STOP_AT` names the moment.
enum Checkpoint: String {
  case unpacking, mounted, packing, packed, replacing, staging, exchanging

  func reach() {
    guard let wanted = getenv("MONORAIL_OVERLAY_STOP_AT"), String(cString: wanted) == rawValue else { return }
    unsetenv("MONORAIL_OVERLAY_STOP_AT")
    kill(getpid(), SIGSTOP)
  }
}
