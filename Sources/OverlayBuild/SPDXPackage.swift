import JSONDocument
import Overlay

/// A package of an SPDX document (clause 7 of the specification): anything that an overlay is made of.
struct SPDXPackage {
  /// What its identifier begins with, behind `SPDXRef-`.
  let id: String
  var name: String
  var version: String?
  var fileName: String?
  /// An address, or `NOASSERTION`.
  var downloadLocation = "NOASSERTION"
  /// In hexadecimal.
  var sha256: String?
  /// `Person: …` or `Organization: …`
  var supplier: String?
  var homepage: String?
  var sourceInfo: String?
  var comment: String?
  /// A package URL (https://github.com/package-url/purl-spec).
  var url: String?
  /// One of those in clause 7.24.
  var purpose: String?

  init(_ id: String, name: String, sha256: String?, purpose: String?, fileName: String? = nil) {
    (self.id, self.name, self.sha256, self.purpose, self.fileName) = (id, name, sha256, purpose, fileName)
  }

  /// Adds what the lock says about a Debian package.
  mutating func note(_ package: Lock.Package, _ set: Lock.PackageSet) {
    if let url = package.url { downloadLocation = url }
    sha256 = package.sha256
    if set.key == "modules" {
      comment = "the kernel modules of \(set.recipe) are built with it"
    } else {
      comment = package.isRequested ? "\(set.recipe) asks for it" : "another package that \(set.recipe) brings needs it"
    }
  }

  /// - Parameter id: unique in the document.
  func json(id: String) -> JSON {
    var object = JSONObject()
    object["SPDXID"] = .string(id)
    object["name"] = .string(name)
    if let version { object["versionInfo"] = .string(version) }
    if let fileName { object["packageFileName"] = .string(fileName) }
    if let supplier { object["supplier"] = .string(supplier) }
    object["downloadLocation"] = .string(downloadLocation)
    object["filesAnalyzed"] = false
    if let sha256 { object["checksums"] = [["algorithm": "SHA256", "checksumValue": .string(sha256)]] }
    if let homepage, Self.isAddress(homepage) { object["homepage"] = .string(homepage) }
    if let sourceInfo { object["sourceInfo"] = .string(sourceInfo) }
    object["licenseConcluded"] = "NOASSERTION"
    object["licenseDeclared"] = "NOASSERTION"
    object["copyrightText"] = "NOASSERTION"
    if let comment { object["comment"] = .string(comment) }
    if let url {
      object["externalRefs"] = [
        ["referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": .string(url)]
      ]
    }
    if let purpose { object["primaryPackagePurpose"] = .string(purpose) }
    return .object(object)
  }

  /// Names a maintainer as SPDX does: `Organization: Debian PCI Utilities (team@tracker.debian.org)`.
  ///
  /// - Parameter maintainer: `Name <address>`. An address of a mailing list stands for a group of people.
  static func actor(_ maintainer: String?) -> String? {
    guard let maintainer, !maintainer.isEmpty else { return nil }
    let parts = maintainer.split(separator: "<", maxSplits: 1, omittingEmptySubsequences: false)
    // Parentheses stand around the address.
    let name = String((parts.first ?? "").map { $0 == "(" ? "[" : $0 == ")" ? "]" : $0 })
    let address = parts.count > 1 ? parts[1].prefix { $0 != ">" } : ""
    let isGroup =
      ["@lists.", "@packages.", "@tracker.", "@alioth-lists."].contains { address.contains($0) }
      || ["Team", "Maintainers", "Developers", "Group"].contains { name.contains($0) }
    var words = name.split(separator: " ").map(String.init)
    if !address.isEmpty { words.append(words.isEmpty ? String(address) : "(\(address))") }
    guard !words.isEmpty else { return nil }
    return "\(isGroup ? "Organization" : "Person"): \(words.joined(separator: " "))"
  }

  private static func isAddress(_ text: String) -> Bool {
    (text.hasPrefix("https://") || text.hasPrefix("http://")) && PackageURL.isVisible(text)
  }
}

/// The packages and relationships of a document. Each package gets an identifier that no other has.
struct SPDXElements {
  private(set) var packages: [JSON] = []
  private(set) var relationships: [JSON] = []
  private var identifiers: Set<String> = []

  /// - Returns: the package's identifier.
  mutating func add(_ package: SPDXPackage) -> String {
    // Identifiers are of letters, digits, dots and dashes (clause 7.2).
    let plain = String(
      package.id.unicodeScalars.map { scalar in
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)) || scalar == "-"
          ? Character(scalar) : "."
      })
    var id = "SPDXRef-\(plain)"
    var number = 1
    while !identifiers.insert(id).inserted {
      number += 1
      id = "SPDXRef-\(plain)-\(number)"
    }
    packages.append(package.json(id: id))
    return id
  }

  mutating func relate(_ element: String, _ type: String, _ other: String) {
    relationships.append([
      "spdxElementId": .string(element), "relationshipType": .string(type), "relatedSpdxElement": .string(other),
    ])
  }
}

/// Package URLs (https://github.com/package-url/purl-spec).
enum PackageURL {
  /// `pkg:deb/debian/pciutils@1:3.9.0-4?arch=amd64`
  static func debian(_ package: DebianPackage, _ distribution: String) -> String {
    "pkg:deb/\(encoded(distribution.lowercased()))/\(encoded(package.name.lowercased()))@\(encoded(package.version))"
      + "?arch=\(encoded(package.architecture))"
  }

  /// Percent-encodes all but letters, digits, `.`, `-`, `_`, `~` and `:`.
  static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      let scalar = Unicode.Scalar(byte)
      let isKept = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      guard !isKept, !".-_~:".unicodeScalars.contains(scalar) else { return String(Character(scalar)) }
      return "%" + Hexadecimal.text([byte]).uppercased()
    }.joined()
  }

  static func isVisible(_ text: String) -> Bool { text.utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}
