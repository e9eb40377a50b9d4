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

  @OptionGroup var limits: LimitOptions

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
          .warning, nil,
          "no base image was given, so that only the overlay itself was checked: give --base IMAGE, or --no-base if that"
            + " is meant"))
    }
    return Verification(archive: archive, base: base, architecture: arch, findings: findings.sorted())
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

  var errors: Int { findings.count { $0.severity == .error } }
  var warnings: Int { findings.count - errors }

  /// What a base would have told.
  var unchecked: [String] {
    base == nil
      ? ["interpreters, libraries and link targets that are not in the overlay", "the kernel of its modules"] : []
  }

  /// `x.cpio.gz: 2 errors, 1 warning`
  var summary: String {
    func count(_ number: Int, _ what: String) -> String {
      "\(number == 0 ? "no" : "\(number)") \(what)\(number == 1 ? "" : "s")"
    }
    let found = findings.isEmpty ? "no complaints" : "\(count(errors, "error")), \(count(warnings, "warning"))"
    let left = unchecked.isEmpty ? "" : " (not checked without a base: \(unchecked.joined(separator: ", ")))"
    return "\(archive): \(found)\(left)"
  }

  var json: JSON {
    [
      "archive": .string(archive),
      "architecture": .string(architecture.rawValue),
      "base": base.map { .string($0) } ?? .null,
      "errors": .integer(errors),
      "warnings": .integer(warnings),
      "findings": .array(findings.map(\.json)),
      "unchecked": .array(unchecked.map { .string($0) }),
    ]
  }
}

extension Finding {
  fileprivate var json: JSON {
    var object = JSONObject()
    object["severity"] = .string(severity.rawValue)
    if let path { object.set("path", bytes: path.archiveName) }
    object["message"] = .string(message)
    return .object(object)
  }
}
