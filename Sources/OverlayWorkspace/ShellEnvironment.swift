/// What a command in a workspace finds in its environment: nothing of this machine but the terminal's type and what it needs
/// to reach the network.
enum ShellEnvironment {
  private static let passed = [
    "TERM", "COLORTERM", "NO_COLOR", "SOURCE_DATE_EPOCH",
    "http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
  ]

  /// - Parameters:
  ///   - outside: the program's own environment.
  ///   - isInteractive: whether a person sits at a shell, who can answer questions.
  static func variables(outside: [String: String], isInteractive: Bool) -> [String] {
    var variables = [
      "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "USER": "root",
      "LOGNAME": "root", "LANG": "C.UTF-8", "TERM": "dumb",
    ]
    for name in passed { variables[name] = outside[name] ?? variables[name] }
    // Debian's bash shows this in its prompt.
    if isInteractive { variables["debian_chroot"] = "overlay" } else { variables["DEBIAN_FRONTEND"] = "noninteractive" }
    return variables.map { "\($0)=\($1)" }.sorted()
  }
}
