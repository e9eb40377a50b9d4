import CLinux
import Glibc

/// A thread that copies what is put into a pipe to the console, however slowly the console takes it.
///
/// The pipe is the buffer: it holds 64 KiB, and a line that does not fit is refused at once. So only this thread ever waits for
/// the console, whatever kind of device it is.
final class ConsoleWriter {
  /// A piece that is no longer than this goes into the pipe whole or not at all (PIPE_BUF, pipe(7)), in bytes.
  static let longestPiece = 4096

  /// The end of the pipe that takes pieces; never waits.
  let entrance: Int32
  private var thread = pthread_t()

  /// What the thread works with. The thread allocates nothing: that would cost an arena of its own.
  private struct Work {
    let source: Int32
    let console: Int32
    let buffer: UnsafeMutableRawBufferPointer
  }

  /// - Returns: `nil` when there can be no pipe or no thread.
  init?(console: Int32) {
    var ends: [Int32] = [-1, -1]
    guard monorail_make_pipe(&ends) == 0 else { return nil }
    entrance = ends[1]
    _ = fcntl(entrance, F_SETFL, O_NONBLOCK)
    // Neither is ever freed: the thread may still be waiting for the console when the program ends.
    let work = UnsafeMutablePointer<Work>.allocate(capacity: 1)
    work.initialize(
      to: Work(
        source: ends[0], console: console,
        buffer: .allocate(byteCount: Self.longestPiece, alignment: 16)))

    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 64 << 10)
    // The program's signals are for its main thread.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    let error = pthread_create(
      &thread, &attributes,
      { context in
        if let work = context?.assumingMemoryBound(to: Work.self) { ConsoleWriter.copy(work.pointee) }
        return nil
      }, work)
    pthread_sigmask(SIG_SETMASK, &before, nil)
    pthread_attr_destroy(&attributes)
    guard error == 0 else {
      for end in ends { close(end) }
      return nil
    }
  }

  /// Takes no more, and waits until the console has what is left.
  func finish(within milliseconds: Int) {
    close(entrance)
    monorail_join_thread(thread, Int32(milliseconds))
  }

  private static func copy(_ work: Work) {
    while true {
      let count = read(work.source, work.buffer.baseAddress, work.buffer.count)
      if count > 0 {
        write(UnsafeRawBufferPointer(rebasing: work.buffer[..<count]), to: work.console)
      } else if count == 0 || errno != EINTR {
        return
      }
    }
  }

  /// Writes it all, unless the console is gone: what is lost then is nobody's business.
  private static func write(_ bytes: UnsafeRawBufferPointer, to console: Int32) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(console, rest.baseAddress, rest.count)
      if count > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno == EAGAIN {
        // Another program has made it non-blocking.
        var entry = pollfd(fd: console, events: Int16(POLLOUT), revents: 0)
        poll(&entry, 1, -1)
      } else if errno != EINTR {
        return
      }
    }
  }
}
