import ArgumentParser
import JSONDocument
import Overlay

/// What `verify` and `publish` check an overlay against.
struct VerificationOptions: ParsableArguments {
  @Option(help: "The squashfs image that the overlay will be laid over; read with unsquashfs.", completion: .file())
  var base: String?

  @Flag(help: "Take for granted what is not in the overlay: the base may have it.")
  var noBase = false

  @Option(help: "What the nodes are: x86_64 (amd64) or aarch64 (arm64).")
  var arch = MachineArchitecture.current

  @Option(
    help: ArgumentHelp(
      "Leave out the findings about a path (* stands for anything), or only those of one kind; may be given several times.",
      valueName: "path[:kind]"),
    transform: Self.ignored)
  var ignore: [IgnoredFindings] = []

  @Flag(help: "Show each finding, also where many files have the same one.")
  var all = false

  @OptionGroup var limits: LimitOptions

  private static func ignored(_ text: String) throws -> IgnoredFindings {
    do throws(OverlayError) { return try IgnoredFindings(text) } catch { throw ValidationError(error.description) }
  }

  func validate() throws {
    guard base == nil || !noBase else { throw ValidationError("--base and --no-base contradict each other: give one") }
  }

  func verify(_ archive: String) throws(OverlayError) -> Verification {
    var verifier = Verifier(archive: archive, architecture: arch, limits: limits.limits)
    if let base { verifier.base = try BaseImage(base) }
    let progress = ProgressBar("checking \(archive)")
    verifier.progress = progress.show
    defer { progress.clear() }
    var findings = try verifier.findings()
    if base == nil, !noBase {
      findings.append(
        Finding(
          .warning, .noBase, nil,
          "no base image was given, so that only the overlay itself was checked: give --base IMAGE, or --no-base if that"
            + " is meant"))
    }
    let ignored = findings.filter { finding in ignore.contains { $0.contains(finding) } }
    findings.removeAll { finding in ignore.contains { $0.contains(finding) } }
    findings += ignore.filter { !ignored.contains(where: $0.contains) }.map {
      Finding(.warning, .ignore, nil, "--ignore \($0) matches no finding: leave it out, or correct its path or kind")
    }
    return Verification(
      archive: archive, base: base, architecture: arch, findings: findings.sorted(), ignored: ignored,
      showsEach: all)
  }
}

extension MachineArchitecture: ExpressibleByArgument {
  public init?(argument: String) { self.init(named: argument) }
}

/// What was found in an archive.
struct Verification {
  let archive: String
  let base: String?
  let architecture: MachineArchitecture
  let findings: [Finding]
  /// What was found too, but a person told to leave out.
  let ignored: [Finding]
  /// Whether findings of one cause are shown one by one.
  let showsEach: Bool

  var errors: Int { findings.count { $0.severity == .error } }
  var warnings: Int { findings.count - errors }

  /// What was not checked, because there was no base.
  var unchecked: [String] {
    base == nil
      ? ["interpreters, libraries and link targets that are not in the overlay", "the kernel of its modules"] : []
  }

  /// A line for each finding, or for many that have one cause.
  var lines: [String] { FindingGroup.groups(of: findings, isComplete: showsEach).map(\.description) }

  /// `x.cpio.gz: 2 errors, 1 warning`
  var summary: String {
    func count(_ number: Int, _ what: String) -> String {
      "\(number == 0 ? "no" : "\(number)") \(what)\(number == 1 ? "" : "s")"
    }
    let found = findings.isEmpty ? "no complaints" : "\(count(errors, "error")), \(count(warnings, "warning"))"
    let accepted = ignored.isEmpty ? "" : ", \(ignored.count) ignored"
    let left = unchecked.isEmpty ? "" : " (not checked without a base: \(unchecked.joined(separator: ", ")))"
    return "\(archive): \(found)\(accepted)\(left)"
  }

  var json: JSON {
    [
      "archive": .string(archive),
      "architecture": .string(architecture.rawValue),
      "base": base.map { .string($0) } ?? .null,
      "errors": .integer(errors),
      "warnings": .integer(warnings),
      "findings": .array(findings.map(\.json)),
      "ignored": .array(ignored.map(\.json)),
      "unchecked": .array(unchecked.map { .string($0) }),
    ]
  }
}

extension Finding {
  fileprivate var json: JSON {
    var object = JSONObject()
    object["severity"] = .string(severity.rawValue)
    object["kind"] = .string(kind.rawValue)
    if let path { object.set("path", bytes: path.archiveName) }
    object["message"] = .string(message)
    return .object(object)
  }
}
