import HTTPTransport

/// Takes passwords out of a command before it is shown.
enum Secrets {
  /// The command on one line, cut after 200 characters, without what looks like a password: the user part of URLs, the
  /// values of `--password` and its like, of ipmitool's `-P` and curl's `-u`, and of assignments such as `TOKEN=…`.
  static func hidden(in command: String) -> String {
    var words = command.split(omittingEmptySubsequences: false) { $0 == " " || $0 == "\n" || $0 == "\t" }.map(
      String.init)
    let original = words
    for index in words.indices {
      if index > 0, isFollowedBySecret(original[index - 1], of: original) {
        words[index] = "***"
      } else if let equals = words[index].firstIndex(of: "="), isSecretName(words[index][..<equals].lowercased()) {
        words[index] = words[index][...equals] + "***"
      } else {
        words[index] = URLText.withoutSecrets(words[index])
      }
    }
    let text = words.joined(separator: " ")
    return text.count > 200 ? text.prefix(200) + "…" : text
  }

  private static func isFollowedBySecret(_ word: String, of words: [String]) -> Bool {
    switch word {
    case "-P": words.contains { $0.hasSuffix("ipmitool") }
    case "-u", "--user": words.contains { $0.hasSuffix("curl") }
    default:
      (word.hasPrefix("-") && isSecretName(word.lowercased())) || word.lowercased().hasSuffix("authorization:")
        || ["bearer", "basic"].contains(word.lowercased())
    }
  }

  private static func isSecretName(_ name: some StringProtocol) -> Bool {
    ["password", "passwd", "secret", "token", "apikey", "api-key", "api_key"].contains { name.hasSuffix($0) }
  }
}
