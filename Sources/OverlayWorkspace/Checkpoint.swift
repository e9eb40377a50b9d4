import Glibc

/// A moment in the life of a workspace at which a test can stop the program, to kill it there: it stops itself (SIGSTOP)
/// where `MONORAIL_OVERLAY_STOP_AT` says.
enum Checkpoint: String {
  case unpacking, mounted, packing, packed, replacing, exchanging

  func reach() {
    guard let wanted = getenv("MONORAIL_OVERLAY_STOP_AT"), String(cString: wanted) == rawValue else { return }
    unsetenv("MONORAIL_OVERLAY_STOP_AT")
    kill(getpid(), SIGSTOP)
  }
}
