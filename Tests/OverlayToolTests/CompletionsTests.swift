import Testing

struct CompletionsTests {
  @Test(arguments: [("bash", "bash -n"), ("zsh", "zsh -n"), ("fish", "fish --no-execute")])
  func `The shell takes the completions`(shell: String, check: String) async throws {
    let stage = try ExampleStage.withoutBase()
    try await stage.succeed("monorail-overlay --generate-completion-script \(shell) >completions")
    #expect(try await stage.succeed("\(check) completions") == "")
  }

  @Test(arguments: [
    (
      "monorail-overlay ''",
      ["build", "pack", "unpack", "list", "explain", "diff", "merge", "shell", "verify", "publish"]
    ),
    ("monorail-overlay pack --comp", ["--compression"]), ("monorail-overlay pack --compression ''", ["gzip", "xz"]),
    ("monorail-overlay pack tr", ["tree"]), ("monorail-overlay unpack x.ov", ["x.overlay.cpio.gz"]),
  ])
  func `bash completes`(words: String, expected: [String]) async throws {
    let stage = try ExampleStage.withoutBase()
    let text = try await stage.succeed(
      """
      mkdir tree; : >x.overlay.cpio.gz
      monorail-overlay --generate-completion-script bash >completions
      bash -c '
        . ./completions
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9
        function=$(complete -p monorail-overlay | sed "s/.*-F \\([^ ]*\\).*/\\1/")
        "$function" monorail-overlay "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
        printf "%s\\n" "${COMPREPLY[@]}"
      ' bash \(words)
      """)
    let found = Set(text.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " }.description })
    #expect(Set(expected).isSubset(of: found), "\(found)")
  }
}
