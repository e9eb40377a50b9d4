/// What `verify` says of an overlay: one sentence about one thing.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
  public enum Severity: String, Sendable {
    /// The node would not work as the overlay's maker wants.
    case error
    /// It may work, but somebody should look.
    case warning
  }

  /// What a finding is about, in one word. A person who wants to ignore the finding names its kind.
  public enum Kind: String, Sendable, CaseIterable {
    /// The agent's file.
    case agent
    /// A second archive behind the first one in the file.
    case behind
    /// The cache of the loader, `etc/ld.so.cache`.
    case cache
    /// A program or a kernel module that is cut off or holds something else.
    case damaged
    /// A name that the archive has more than once.
    case duplicate
    /// A directory of the base image whose contents the overlay hides.
    case hidden
    /// A pattern of `--ignore` that matches no finding.
    case ignore
    /// The program that runs a script.
    case interpreter
    /// The kernel that modules are for.
    case kernel
    /// Libraries of a program.
    case library
    /// A symlink's target.
    case link
    /// The program that the kernel starts for a dynamic program.
    case loader
    /// The processor that a program is for.
    case machine
    /// Permissions of a directory.
    case mode
    /// The list that modprobe looks into.
    case modprobe
    /// The name of the archive.
    case name
    /// A base image that was not given.
    case noBase = "no-base"
    /// What starts the agent: `/etc/rc.local`, and what starts that.
    case start
    /// An entry that cannot be unpacked.
    case unpack
  }

  public var severity: Severity
  public var kind: Kind
  /// The path that the finding is about; `nil` for the archive as a whole.
  public var path: OverlayPath?
  /// What is the matter and what to do, to be read behind the path.
  public var message: String
  /// What findings about several files have in common, to be read behind "each of 12 entries".
  public var cause: String

  /// - Parameter cause: `nil` for the message itself.
  public init(
    _ severity: Severity, _ kind: Kind, _ path: OverlayPath?, _ message: String, cause: String? = nil
  ) {
    (self.severity, self.kind, self.path) = (severity, kind, path)
    (self.message, self.cause) = (message, cause ?? message)
  }

  /// Without the kind.
  public var description: String {
    "\(severity.rawValue): " + (path.map { "\($0): " } ?? "") + message
  }
}

extension Finding: Comparable {
  /// Errors first; then what is about the whole archive, then by path.
  public static func < (left: Finding, right: Finding) -> Bool {
    if left.severity != right.severity { return left.severity == .error }
    if left.path != right.path {
      guard let first = left.path else { return true }
      guard let second = right.path else { return false }
      return first < second
    }
    return left.message < right.message
  }
}
