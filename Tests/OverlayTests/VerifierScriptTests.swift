import Overlay
import Testing

/// A script whose interpreter is missing: an error where something calls the script, else a warning.
struct VerifierScriptTests {
  private static let problem =
    "has the interpreter /usr/local/bin/python, which is neither in the overlay nor in the base"
  private static let uncalled =
    "\(problem); nothing calls it: it is in no directory of PATH, and nothing that runs at boot names it"
  private static let script = "= #!/usr/local/bin/python\\n"

  @Test(arguments: [
    VerifyCase(
      "cgi.py of Debian's python3", "f 755 usr/lib/python3.11/cgi.py \(script)",
      finds: ["warning: usr/lib/python3.11/cgi.py: \(uncalled)"]),
    VerifyCase("a program in PATH", "f 755 usr/bin/x \(script)", finds: ["error: usr/bin/x: \(problem)"]),
    VerifyCase(
      "behind a symlink in PATH", "f 755 opt/x/run \(script)\nl usr/local/bin/x > ../../../opt/x/run",
      finds: ["error: opt/x/run: \(problem)"]),
    VerifyCase(
      "behind a symlink of the base", "f 755 opt/x/run \(script)", base: .debianWith("l usr/bin/x > /opt/x/run"),
      finds: ["error: opt/x/run: \(problem)"]),
    VerifyCase(
      "the hooks of rc.local", "f 755 opt/rc.local.hooks \(script)", finds: ["error: opt/rc.local.hooks: \(problem)"]),
    VerifyCase(
      "named in the hooks of rc.local",
      "f 644 opt/rc.local.hooks = test -x /opt/x/run && \"/opt/x/run\" --now\\n\nf 755 opt/x/run \(script)",
      finds: ["error: opt/x/run: \(problem)"]),
    VerifyCase(
      "named in a unit of systemd",
      "f 644 etc/systemd/system/x.service = [Service]\\nExecStart=-/opt/x/run\\nExecStop=/opt/x/stop\\n\nf 755 opt/x/stop \(script)",
      finds: ["error: opt/x/stop: \(problem)"]),
    VerifyCase("a service of sysvinit", "f 755 etc/init.d/x \(script)", finds: ["error: etc/init.d/x: \(problem)"]),
    VerifyCase(
      "in a directory of PATH, without a base", "w usr/local/bin/python\nf 755 bin/x \(script)\nf 755 opt/y \(script)",
      base: .none,
      finds: [
        "error: bin/x: has the interpreter /usr/local/bin/python, which this overlay removes (usr/local/bin/python is a whiteout)",
        "warning: opt/y: has the interpreter /usr/local/bin/python, which this overlay removes (usr/local/bin/python is a whiteout); nothing calls it: it is in no directory of PATH, and nothing that runs at boot names it",
      ]),
  ])
  func callers(_ given: VerifyCase) throws { try given.check() }
}
