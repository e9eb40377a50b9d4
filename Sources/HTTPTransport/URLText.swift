/// The few things this program needs to know of a URL's text.
public enum URLText {
  /// The URL for logs: without `user:password@`, and without the values of a query that are secrets by their names.
  public static func withoutSecrets(_ url: String) -> String {
    guard let scheme = url.firstRange(of: "://") else { return url }
    let authority = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    var rest = url[scheme.upperBound...]
    var shown = String(url[..<scheme.upperBound])
    if let at = authority.lastIndex(of: "@") {
      shown += "***@"
      rest = rest[rest.index(after: at)...]
    }
    guard let question = rest.firstIndex(of: "?") else { return shown + rest }
    let parameters = rest[rest.index(after: question)...].split(separator: "&", omittingEmptySubsequences: false)
    return shown + rest[...question] + parameters.map(withoutSecret).joined(separator: "&")
  }

  private static func withoutSecret(_ parameter: Substring) -> String {
    guard let equals = parameter.firstIndex(of: "="), isSecretName(parameter[..<equals]) else {
      return String(parameter)
    }
    return parameter[...equals] + "***"
  }

  /// Whether what has this name should not be shown: passwords, tokens, keys, signatures.
  public static func isSecretName(_ name: some StringProtocol) -> Bool {
    let name = name.lowercased()
    return ["password", "passwd", "pass", "secret", "token", "key", "signature", "credential"].contains {
      name.hasSuffix($0)
    }
  }

  /// The URL without its fragment, and the digest that a fragment `#sha256=<hex>` gives.
  ///
  /// - Throws: `HTTPError` (`EINVAL`) for a `sha256` fragment that is not 64 hexadecimal digits.
  public static func splitDigest(_ url: String) throws(HTTPError) -> (url: String, sha256: String?) {
    guard let hash = url.firstIndex(of: "#") else { return (url, nil) }
    let fragment = url[url.index(after: hash)...]
    guard fragment.hasPrefix("sha256=") else { return (String(url[..<hash]), nil) }
    return (String(url[..<hash]), try digest(String(fragment.dropFirst("sha256=".count))))
  }

  /// A SHA-256 digest in lower case.
  ///
  /// - Throws: `HTTPError` (`EINVAL`) for anything but 64 hexadecimal digits.
  public static func digest(_ text: String) throws(HTTPError) -> String {
    guard text.utf8.count == 64, text.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
      throw HTTPError(
        code: "EINVAL", message: "not a SHA-256 digest (64 hexadecimal digits): \(printable(text))", isRetryable: false)
    }
    return text.lowercased()
  }

  /// The last component of the URL's path, without query and fragment: the name a download is saved under. `nil` when
  /// there is none that can be a file's name.
  public static func fileName(_ url: String) -> String? {
    var path = url[...]
    if let scheme = path.firstRange(of: "://") {
      path = path[scheme.upperBound...].drop { $0 != "/" && $0 != "?" && $0 != "#" }
    }
    path = path.prefix { $0 != "?" && $0 != "#" }
    guard let name = path.split(separator: "/", omittingEmptySubsequences: false).last, !name.isEmpty, name != ".",
      name != "..", !name.utf8.contains(0)
    else { return nil }
    return String(name)
  }

  /// Text of the network on one line of the console, and at most 300 characters of it.
  public static func printable(_ text: some StringProtocol) -> String {
    let plain = singleLine(String(text.prefix(300)))
    var end = plain.endIndex
    while end > plain.startIndex, plain[plain.index(before: end)] == " " { end = plain.index(before: end) }
    return String(plain[..<end])
  }

  /// The text with a blank for each control character, so that it cannot begin a line or move a cursor.
  public static func singleLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? " " : $0 }))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
  }
}

extension StringProtocol {
  /// The first place where `text` stands. The standard library's own search comes with the regular expressions.
  func firstRange(of text: String) -> Range<Index>? {
    let bytes = utf8
    let pattern = Array(text.utf8)
    var start = bytes.startIndex
    while start < bytes.endIndex {
      if bytes[start...].starts(with: pattern) { return start..<bytes.index(start, offsetBy: pattern.count) }
      start = bytes.index(after: start)
    }
    return nil
  }
}
