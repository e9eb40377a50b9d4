/// Findings that have one cause, as one line for people: an overlay with a directory of scripts for a missing interpreter has
/// hundreds of findings, and one thing to mend.
public struct FindingGroup: CustomStringConvertible {
  /// Not empty.
  public let findings: [Finding]

  /// How many findings of one cause are shown one by one.
  private static let mostAlone = 3

  /// - Parameters:
  ///   - findings: sorted.
  ///   - isComplete: whether each finding is a group of its own.
  /// - Returns: groups in the order of their first findings.
  public static func groups(of findings: [Finding], isComplete: Bool = false) -> [FindingGroup] {
    struct Cause: Hashable {
      let severity: Finding.Severity
      let kind: Finding.Kind
      let text: String

      init(_ finding: Finding) { (severity, kind, text) = (finding.severity, finding.kind, finding.cause) }
    }
    let byCause = Dictionary(grouping: findings, by: Cause.init)
    var seen = Set<Cause>()
    return findings.compactMap { finding in
      let cause = Cause(finding)
      guard !isComplete, let all = byCause[cause], all.count > mostAlone else {
        return FindingGroup(findings: [finding])
      }
      return seen.insert(cause).inserted ? FindingGroup(findings: all) : nil
    }
  }

  /// `error: each of 12 entries is no regular file [start]: a, b, c and 9 more`
  public var description: String {
    let first = findings[0]
    guard findings.count > 1 else { return "\(first) [\(first.kind.rawValue)]" }
    let names = findings.prefix(Self.mostAlone).compactMap { $0.path.map { "\($0)" } }.joined(separator: ", ")
    return "\(first.severity.rawValue): each of \(findings.count) entries \(first.cause) [\(first.kind.rawValue)]:"
      + " \(names) and \(findings.count - Self.mostAlone) more; --all shows each"
  }
}
