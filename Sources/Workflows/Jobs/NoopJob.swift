import JSONDocument

/// Does nothing, for `delay` milliseconds.
struct NoopJob: Job {
  private let delay: Int

  init(_ setting: JobSetting) {
    delay = min(max(0, setting.options["delay"]?.intValue ?? 0), 1_000_000_000_000)
  }

  var plan: [String] { delay == 0 ? [] : ["waits for \(delay) ms"] }

  mutating func start(at now: Int) -> [JobAction] {
    delay == 0 ? [.finish(.succeeded)] : [.wake(at: now + delay)]
  }

  mutating func handle(_ event: JobEvent, at now: Int) -> [JobAction] {
    event == .timePassed ? [.finish(.succeeded)] : []
  }
}
