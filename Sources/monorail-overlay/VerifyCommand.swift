import ArgumentParser
import JSONDocument
import Overlay

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Look for what would keep an overlay from working on a node.",
    discussion: """
      Checks that
        - /etc/rc.local is there, executable, starts the agent, and is started by
          the node's init; without one in the overlay the base's own counts
        - the agent is there, executable, and a static program for --arch
        - scripts have their interpreters, "#!/usr/bin/env X" also X in the PATH of
          rc.local
        - dynamic programs and libraries have their loaders and libraries, where the
          loader looks: what is in neither etc/ld.so.cache nor a directory of the
          system's is not found
        - kernel modules are whole, for the base's kernel, and for the one that the
          archive's name says
        - the root directory is open to all, no directory hides one of the base
          behind a symlink
        - the file holds one archive: not every node reads those behind it
        - the name follows overlayfs_<kernel>_<content>.cpio.gz or
          <content>.overlay.cpio.gz, and .gz is true
      and warns of scripts without interpreter that nothing calls (they are in no
      directory of PATH, and nothing that runs at boot names them), of names that are
      there twice, symlinks to nowhere, and modules that modprobe does not find. Of
      the base only names and modes count, and what init, ld.so.conf, ld.so.cache and
      rc.local say.

      Each finding is one line with its kind at the end, errors first:
        error: usr/bin/run: has the interpreter /usr/bin/perl, which is neither
          in the overlay nor in the base [interpreter]
      More than three findings with one cause are one line that names the first three
      files; --all shows each. --ignore leaves out what you have looked at:
      --ignore usr/bin/run:interpreter that finding, --ignore 'usr/share/*' all below
      a directory, --ignore :name what is about the archive as a whole.

      KINDS
        agent        the agent's file         library   a program's libraries
        behind       a second archive         link      a symlink to nowhere
        cache        etc/ld.so.cache          loader    a dynamic program's loader
        damaged      a program or module      machine   the processor
        duplicate    a name that is twice     mode      a closed directory
        hidden       a directory of the base  modprobe  the list of modules
        ignore       --ignore without use     name      the archive's name
        interpreter  what runs a script       no-base   no --base was given
        kernel       the kernel of modules    start     what starts the agent
        unpack       cannot be unpacked

      --json prints an object: errors and warnings (how many), findings (severity,
      kind, path, message; each, never grouped), ignored (the same), unchecked.

      EXAMPLES
        monorail-overlay verify x.overlay.cpio.gz --base dist/base.squashfs.img \\
          --ignore usr/lib/python3.11/cgi.py:interpreter
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
      for line in verification.lines { try output.write(line + "\n") }
      try output.write(verification.summary + "\n")
    }
    try output.finish()
    if verification.errors > 0 { throw ExitCodes.findings }
  }
}
