import HTTPTransport

/// Takes passwords out of a command before it is shown.
enum Secrets {
  /// The command on one line, cut after 200 characters, without what looks like a password: the user part and the secret
  /// parameters of URLs, the values of `--password` and its like, ipmitool's and curl's and sshpass's own ways to give one, and
  /// assignments such as `TOKEN=…`. A guess: what a command prints, or gives in a way of its own, is not seen.
  static func hidden(in command: String) -> String {
    let words = command.split(omittingEmptySubsequences: false) { $0 == " " || $0 == "\n" || $0 == "\t" }.map(
      String.init)
    var shown: [String] = []
    for index in words.indices { shown.append(hidden(words, index)) }
    let text = shown.joined(separator: " ")
    return text.count > 200 ? text.prefix(200) + "…" : text
  }

  private static func hidden(_ words: [String], _ index: Int) -> String {
    let word = words[index]
    if index > 0, isFollowedBySecret(words[index - 1], words) { return "***" }
    // ipmitool user set password <user> <password>
    if index > 2, words[index - 2] == "password", words[index - 3] == "set" { return "***" }
    for flag in joinedFlags(words) where word.hasPrefix(flag) && word.count > flag.count { return flag + "***" }
    if let equals = word.firstIndex(of: "="), !word[..<equals].contains("/"), URLText.isSecretName(word[..<equals]) {
      return word[...equals] + "***"
    }
    return URLText.withoutSecrets(word)
  }

  private static func isFollowedBySecret(_ word: String, _ words: [String]) -> Bool {
    switch word {
    case "-P": words.contains { $0.hasSuffix("ipmitool") }
    case "-u", "--user": words.contains { $0.hasSuffix("curl") }
    case "-p": words.contains { $0.hasSuffix("sshpass") }
    default:
      (word.hasPrefix("-") && URLText.isSecretName(word)) || word.lowercased().hasSuffix("authorization:")
        || ["bearer", "basic"].contains(word.lowercased())
    }
  }

  /// Flags whose value may follow without a blank.
  private static func joinedFlags(_ words: [String]) -> [String] {
    (words.contains { $0.hasSuffix("curl") } ? ["-u"] : []) + (words.contains { $0.hasSuffix("sshpass") } ? ["-p"] : [])
      + (words.contains { $0.hasSuffix("ipmitool") } ? ["-P"] : [])
  }
}
