/// What somebody waits for.
public enum StoreTopic: Sendable, Hashable {
  /// A change of that node: its queue, runs, reports, catalogs, lines of syslog.
  case node(String)
  /// Actions for the server.
  case actions
  /// The time at which the next run wants `timePassed` has changed.
  case clock
  /// Any change.
  case any
}
