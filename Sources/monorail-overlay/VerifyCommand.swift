import ArgumentParser
import JSONDocument
import Overlay

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Look for what would keep an overlay from working on a node.",
    discussion: """
      Checks that
        - /etc/rc.local and the agent are there and executable; the agent is a static
          program for --arch
        - scripts have their interpreters, "#!/usr/bin/env X" also X in the PATH of
          rc.local
        - dynamic programs and libraries have their loaders and libraries, where the
          loader looks
        - kernel modules are for the base's kernel, and for the one that the
          archive's name says
        - the root directory is open to all, no directory hides one of the base
          behind a symlink
        - the name follows overlayfs_<kernel>_<content>.cpio.gz or
          <content>.overlay.cpio.gz, and .gz is true
      and warns of names that are there twice, symlinks to nowhere, and libraries and
      modules that the node finds only after ldconfig or depmod. Only names and modes
      count of what is in the base.

      Each finding is one line, errors first:
        error: opt/tool/run: has the interpreter /usr/bin/perl, which is neither
          in the overlay nor in the base
      --json prints an object: errors and warnings (how many), findings (severity,
      path, message), unchecked.

      EXAMPLES
        monorail-overlay verify dist/discovery.overlay.cpio.gz \\
          --base dist/base.squashfs.img
        monorail-overlay verify x.overlay.cpio.gz --no-base --json \\
          | jq -r '.findings[].message'

      \(ExitCodes.help)
      """)

  @Argument(help: "The archive.", completion: .file())
  var archive: String

  @OptionGroup var options: VerificationOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let verification = try options.verify(archive)
    let output = StandardOutput()
    if json {
      try output.write(verification.json.prettyText)
    } else {
      for finding in verification.findings { try output.write("\(finding)\n") }
      try output.write(verification.summary + "\n")
    }
    try output.finish()
    if verification.errors > 0 { throw ExitCodes.findings }
  }
}
