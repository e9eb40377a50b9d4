import HTTPTransport

/// Takes passwords out of a command before it is shown.
///
/// It is a guess by the forms that are in use. What a command prints, and what it is given in a way of its own, is not seen.
enum Secrets {
  /// The command on one line, cut after 200 characters, with `***` for what looks like a password:
  /// - the word after a flag that gives one: `--password`, and ipmitool's, curl's, racadm's and others' own flags;
  /// - the value of a name that tells of one: `TOKEN=…`, `?token=…`, `X-Auth-Token: …`, `"Password":"…"`;
  /// - the user's part of an address: `http://user:password@host`, `user:password@host`.
  static func hidden(in command: String) -> String {
    let text = shown(command, depth: 0)
    return text.count > longest ? text.prefix(longest) + "…" : text
  }

  /// How many characters of a command are shown.
  private static let longest = 200
  /// How many quoted parts inside each other are looked into; what is deeper is not shown.
  private static let deepest = 8

  private static func shown(_ command: some StringProtocol, depth: Int) -> String {
    guard depth < deepest else { return "***" }
    let words = words(of: command)
    var shown = ""
    // The words behind the limit are not shown. Looking at all words of a long script would take minutes.
    for index in words.indices {
      if shown.count > longest { break }
      shown += (index > 0 ? " " : "") + self.shown(words, index, depth)
    }
    return shown
  }

  /// Splits as a shell does, at blanks that are not quoted; quotes stay in the words.
  private static func words(of command: some StringProtocol) -> [String] {
    var words: [String] = []
    var word = ""
    var quote: Character?
    for character in command {
      if quote == nil, character == " " || character == "\t" || character.isNewline {
        if !word.isEmpty { words.append(word) }
        word = ""
        continue
      }
      if character == quote {
        quote = nil
      } else if quote == nil, character == "'" || character == "\"" {
        quote = character
      }
      word.append(character)
    }
    return word.isEmpty ? words : words + [word]
  }

  private static func shown(_ words: [String], _ index: Int, _ depth: Int) -> String {
    let word = words[index]
    let programs = words[..<index]
    if index > 0, isFollowedBySecret(words[index - 1], programs) { return "***" }
    // ipmitool user set password <user> <password>
    if index > 2, words[index - 2] == "password", words[index - 3] == "set" { return "***" }
    if let flag = joinedFlag(word, programs) { return flag + "***" }
    // A quoted part may be a command line, a header or a document of its own.
    if let start = word.firstIndex(where: { $0 == "'" || $0 == "\"" }), word.last == word[start], word.count > 2 {
      let inner = word[word.index(after: start)...].dropLast()
      if inner.contains(where: { $0 == " " || $0 == "\t" || $0.isNewline }), !endsInSecretName(word[..<start]) {
        let quote = String(word[start])
        return withoutSecrets(String(word[..<start])) + quote + shown(inner, depth: depth + 1) + quote
      }
    }
    return withoutSecrets(word)
  }

  /// The letters of the flags that give a password, or a user with it, by the program's name.
  private static let flags: [(program: String, letters: String)] = [
    ("ipmitool", "P"), ("curl", "uU"), ("sshpass", "p"), ("racadm", "p"), ("snmpget", "AXc"), ("snmpset", "AXc"),
    ("snmpwalk", "AXc"),
  ]

  private static func isFollowedBySecret(_ word: String, _ programs: ArraySlice<String>) -> Bool {
    if let flag = joinedFlag(word + " ", programs) { return flag == word }
    let name = word.filter { $0 != "\"" && $0 != "'" }
    return word.hasPrefix("-") && isSecretName(word) || name.hasSuffix(":") && isSecretName(name.dropLast())
      || ["--user", "--proxy-user"].contains(word)
      || ["authorization:", "bearer", "basic"].contains { name.lowercased().hasSuffix($0) }
  }

  /// The part of a word that is a program's flag for a password, when more follows it: `-u` of `-uname:password`, and `-sku` of
  /// `-skuname:password`, where the letters before it are flags without a value.
  private static func joinedFlag(_ word: String, _ programs: ArraySlice<String>) -> String? {
    guard word.hasPrefix("-"), !word.hasPrefix("--") else { return nil }
    for (program, letters) in flags where programs.contains(where: { $0.hasSuffix(program) }) {
      guard let place = word.dropFirst().firstIndex(where: { letters.contains($0) }) else { continue }
      let end = word.index(after: place)
      let others = word[..<place].dropFirst()
      let areFlags = others.allSatisfy { program == "curl" && "0123469BGIJLMNORSVafgijklnpqsv#".contains($0) }
      if end < word.endIndex, areFlags { return String(word[..<end]) }
    }
    return nil
  }

  private static func isSecretName(_ name: some StringProtocol) -> Bool {
    URLText.isSecretName(name)
      || ["passphrase", "_pwd", "-pwd", "userpwd"].contains { name.lowercased().hasSuffix($0) }
  }

  /// Whether the text ends in a secret's name and a sign of assignment: `PASS=`, `"Password":`.
  private static func endsInSecretName(_ text: some StringProtocol) -> Bool {
    guard let sign = text.last, sign == "=" || sign == ":" else { return false }
    return isSecretName(String(text.dropLast().filter { $0 != "\"" && $0 != "'" }))
  }

  /// A word without the values of names that tell of secrets, and without the user's part of addresses.
  private static func withoutSecrets(_ word: String) -> String {
    var shown = ""
    var rest = word[...]
    while let sign = rest.firstIndex(where: { $0 == "=" || $0 == ":" }) {
      let end = rest.index(after: sign)
      let isSecret = endsInSecretName(rest[..<end])
      shown += rest[..<end]
      rest = rest[end...]
      guard isSecret, !rest.isEmpty else { continue }
      let quote = rest.first.flatMap { $0 == "\"" || $0 == "'" ? $0 : nil }
      shown += "***"
      if let quote {
        rest = rest.dropFirst().drop { $0 != quote }.dropFirst()
      } else {
        rest = rest.drop { !",;&|}\"')".contains($0) }
      }
    }
    return withoutUser(shown + rest)
  }

  /// `http://***@host` for `http://user:password@host`, and the same without a scheme.
  private static func withoutUser(_ word: String) -> String {
    guard let at = word.lastIndex(of: "@"), let colon = word[..<at].lastIndex(of: ":"),
      !word[colon..<at].contains("/")
    else { return URLText.withoutSecrets(word) }
    // The user's name begins behind what cannot be in it.
    let start = word[..<colon].lastIndex { "=/'\"(,;&|".contains($0) }.map { word.index(after: $0) } ?? word.startIndex
    return URLText.withoutSecrets(start < colon ? word[..<start] + "***" + word[at...] : word)
  }
}
