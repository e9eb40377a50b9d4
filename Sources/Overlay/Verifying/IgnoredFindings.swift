import Glibc

/// One `--ignore PATH[:KIND]`: the findings that a person has looked at and accepts.
public struct IgnoredFindings: Sendable, CustomStringConvertible {
  /// As the person wrote it.
  public let description: String
  /// A path as findings print it, or a pattern of fnmatch(3) in which `*` stands for slashes too; empty for the archive as
  /// a whole.
  private let pattern: String
  /// `nil` for every kind.
  private let kind: Finding.Kind?

  /// - Throws: when what stands behind the last colon is no kind.
  public init(_ text: String) throws(OverlayError) {
    description = text
    guard let colon = text.lastIndex(of: ":") else {
      guard !text.isEmpty else {
        throw OverlayError("expected PATH or PATH:KIND; a finding about the archive as a whole is :KIND")
      }
      (pattern, kind) = (Self.relative(text), nil)
      return
    }
    let name = String(text[text.index(after: colon)...])
    guard let kind = Finding.Kind(rawValue: name) else {
      let kinds = Finding.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw OverlayError(
        "\"\(name)\" is no kind of finding; the kinds are \(kinds); a path that has a colon in it needs its kind behind it"
      )
    }
    (pattern, self.kind) = (Self.relative(text[..<colon]), kind)
  }

  /// Findings print paths without the first slash.
  private static func relative(_ text: some StringProtocol) -> String { String(text.drop { $0 == "/" }) }

  public func contains(_ finding: Finding) -> Bool {
    guard kind == nil || kind == finding.kind else { return false }
    guard let path = finding.path?.description else { return pattern.isEmpty }
    return path == pattern || fnmatch(pattern, path, FNM_NOESCAPE) == 0
  }
}
