/// The few things that this program needs to know of a URL's text.
///
/// A URL is looked at byte by byte, never by `Character`: a slash and a combining mark behind it are one Character, but the
/// file system and the server see a slash.
public enum URLText {
  /// The URL for logs: without `user:password@`, and without the values of a query whose names say that they are secret.
  public static func withoutSecrets(_ url: String) -> String {
    let bytes = url.utf8
    let scheme = bytes.firstRange(of: "://")
    var rest = bytes[(scheme?.upperBound ?? bytes.startIndex)...]
    var shown = text(bytes[..<rest.startIndex])
    let authority = rest.prefix { !endsAuthority($0) }
    if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
      // Without a scheme, `root@host` is how a command names a user: only `user:password@host` has a secret.
      guard scheme != nil || authority[..<at].contains(UInt8(ascii: ":")) else { return url }
      shown += "***@"
      rest = rest[rest.index(after: at)...]
    }
    guard scheme != nil, let question = rest.firstIndex(of: UInt8(ascii: "?")) else { return shown + text(rest) }
    let parameters = rest[rest.index(after: question)...].split(
      separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
    return shown + text(rest[...question]) + parameters.map(withoutSecret).joined(separator: "&")
  }

  private static func withoutSecret(_ parameter: Substring.UTF8View) -> String {
    guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")), isSecretName(text(parameter[..<equals])) else {
      return text(parameter)
    }
    return text(parameter[...equals]) + "***"
  }

  /// Whether the value of something with this name should not be shown: passwords, tokens, keys, signatures.
  public static func isSecretName(_ name: some StringProtocol) -> Bool {
    let name = Array(name.lowercased().utf8)
    return ["password", "passwd", "pass", "secret", "token", "key", "signature", "credential"].contains {
      name.suffix($0.utf8.count).elementsEqual($0.utf8)
    }
  }

  /// The URL without its fragment, and the digest that a fragment `#sha256=<hex>` gives. The name may have any case.
  ///
  /// - Throws: `HTTPError` (`EINVAL`) for a `sha256` fragment that is not 64 hexadecimal digits, and for a fragment that
  ///   asks for another check (`#md5=…`): whoever wrote it counts on a check that would not be made.
  public static func splitDigest(_ url: String) throws(HTTPError) -> (url: String, sha256: String?) {
    let bytes = url.utf8
    guard let hash = bytes.firstIndex(of: UInt8(ascii: "#")) else { return (url, nil) }
    let fragment = text(bytes[bytes.index(after: hash)...])
    let name = "sha256="
    let bare = text(bytes[..<hash])
    if fragment.utf8.prefix(name.utf8.count).elementsEqual(name.utf8, by: { $0 | 0x20 == $1 | 0x20 }) {
      return (bare, try digest(text(fragment.utf8.dropFirst(name.utf8.count))))
    }
    guard !fragment.utf8.contains(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }) else {
      throw HTTPError(
        code: "EINVAL",
        message: "#\(printable(fragment)) asks for a check that this program cannot make; it can verify #sha256=<hex>",
        isRetryable: false)
    }
    return (bare, nil)
  }

  /// A SHA-256 digest in lower case.
  ///
  /// - Throws: `HTTPError` (`EINVAL`) for anything but 64 hexadecimal digits.
  public static func digest(_ text: String) throws(HTTPError) -> String {
    guard text.utf8.count == 64, text.utf8.allSatisfy(isHexDigit) else {
      throw HTTPError(
        code: "EINVAL", message: "not a SHA-256 digest (64 hexadecimal digits): \(printable(text))", isRetryable: false)
    }
    return text.lowercased()
  }

  /// The last component of the URL's path, without query and fragment: the name a download is saved under. `nil` when
  /// there is none that can be a file's name.
  public static func fileName(_ url: String) -> String? {
    var path = url.utf8[...]
    if let scheme = path.firstRange(of: "://") { path = path[scheme.upperBound...].drop { !endsAuthority($0) } }
    path = path.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    guard let name = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last, !name.isEmpty,
      !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8), !name.contains(0)
    else { return nil }
    return text(name)
  }

  /// Whether the URL begins with that scheme and a colon, in any case.
  static func hasScheme(_ scheme: String, _ url: String) -> Bool {
    let beginning = "\(scheme):".utf8
    return url.utf8.prefix(beginning.count).elementsEqual(beginning) { $0 | 0x20 == $1 | 0x20 }
  }

  /// Text of the network on one line of the console, and at most 300 characters of it.
  public static func printable(_ text: some StringProtocol) -> String {
    let plain = singleLine(String(String.UnicodeScalarView(text.unicodeScalars.prefix(300))))
    let end = plain.utf8.lastIndex { $0 != UInt8(ascii: " ") }
    return end.map { Self.text(plain.utf8[...$0]) } ?? ""
  }

  /// The text with a blank for each control character, so that it cannot begin a line or move a cursor.
  public static func singleLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  private static func endsAuthority(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#")
  }

  private static func text(_ bytes: Substring.UTF8View) -> String { String(Substring(bytes)) }
}

extension BidirectionalCollection where Element == UInt8 {
  /// The first place where `text` stands. The standard library's own search comes with the regular expressions.
  func firstRange(of text: String) -> Range<Index>? {
    let pattern = Array(text.utf8)
    var start = startIndex
    while start < endIndex {
      if self[start...].starts(with: pattern) { return start..<index(start, offsetBy: pattern.count) }
      start = index(after: start)
    }
    return nil
  }
}
