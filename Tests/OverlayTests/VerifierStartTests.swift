import Testing

@testable import Overlay

/// Whether something starts the agent on a node.
struct VerifierStartTests {
  private static let withoutScript = "d 755 .\ne 755 opt/monorail/monorail-agent"
  private static let remedy = "pack adds the right one, unless --no-required is given"
  private static let nothing =
    "does not start the agent: no line of it that runs names monorail-agent, so the node boots without an agent; \(remedy)"
  /// Debian's rc.local as the package makes it, and as people change it by hand.
  private static let stock = "#!/bin/sh -e\\n# In order to start monorail-agent, add lines here.\\nexit 0\\n"
  private static let systemd = """
    f 755 usr/bin/sh = -
    l bin > usr/bin
    f 755 usr/lib/systemd/systemd = -
    l sbin/init > /usr/lib/systemd/systemd
    """
  private static let sysvinit = """
    f 755 usr/bin/sh = -
    l bin > usr/bin
    f 755 sbin/init = -
    f 755 etc/init.d/rc.local = #!/bin/sh\\n
    """
  private static let inittab = "f 644 etc/inittab = id:2:initdefault:\\n"
  private static let unit = """
    f 644 etc/systemd/system/monorail-agent.service = [Unit]\\n
    l etc/systemd/system/multi-user.target.wants/monorail-agent.service > ../monorail-agent.service
    """

  @Test(arguments: [
    VerifyCase(
      "Debian's stock rc.local in the base", withoutScript, base: .debianWith("f 755 etc/rc.local = \(stock)"),
      isComplete: false, finds: ["error: etc/rc.local: is not in the overlay, and the base's own \(nothing)"]),
    VerifyCase(
      "the same in the overlay", "f 755 etc/rc.local = \(stock)", finds: ["error: etc/rc.local: \(nothing)"]),
    VerifyCase(
      "the agent behind the stock script's exit", "f 755 etc/rc.local = \(stock)/opt/monorail/monorail-agent run\\n",
      finds: ["error: etc/rc.local: \(nothing)"]),
    VerifyCase(
      "an exit that the shell need not reach",
      "f 755 etc/rc.local = #!/bin/sh\\nif test -e /x; then\\nexit 0\\nfi\\n/opt/monorail/monorail-agent run\\n"),
    VerifyCase(
      "an exit that belongs to the line before it",
      "f 755 etc/rc.local = #!/bin/sh\\ntest -e /x ||\\n  exit 0\\n/opt/monorail/monorail-agent run\\n"),
    VerifyCase(
      "a word that ends a command only where it begins one",
      "f 755 etc/rc.local = #!/bin/sh\\nif test -e /x; then\\necho all done\\nexit 1\\nfi\\n/opt/monorail/monorail-agent run\\n"
    ),
    VerifyCase(
      "the agent in a comment behind a command", "f 755 etc/rc.local = #!/bin/sh\\ntrue # monorail-agent\\n",
      finds: ["error: etc/rc.local: \(nothing)"]),
    VerifyCase(
      "a base with the right script", withoutScript,
      base: .debianWith("f 755 etc/rc.local = #!/bin/sh\\nmonorail-agent run\\n"), isComplete: false,
      finds: ["warning: etc/rc.local: is not in the overlay; the base's own will start the agent"]),
    VerifyCase(
      "a base without a script", withoutScript, isComplete: false,
      finds: [
        "error: etc/rc.local: is missing, and a node needs it to get to the agent; pack adds it, unless --no-required is given"
      ]),
    VerifyCase(
      "a program in its place", "e 755 etc/rc.local",
      finds: ["warning: etc/rc.local: is a program: whether it starts the agent cannot be told from outside"]),
  ])
  func scripts(_ given: VerifyCase) throws { try given.check() }

  @Test(arguments: [
    VerifyCase("systemd with the unit of the skeleton", unit, base: .exactly(systemd)),
    VerifyCase(
      "systemd with its own rc-local",
      base: .exactly(systemd + "\nf 755 usr/lib/systemd/system-generators/systemd-rc-local-generator = -")),
    VerifyCase(
      "systemd with neither", base: .exactly(systemd),
      finds: [
        "error: usr/lib/systemd/systemd: starts neither /etc/rc.local nor the agent: there is no rc-local.service, and no monorail-agent.service in multi-user.target.wants; pack adds the latter, unless --no-required is given"
      ]),
    VerifyCase(
      "sysvinit with its script",
      base: .exactly("\(sysvinit)\n\(inittab)\nl etc/rc2.d/S05rc.local > ../init.d/rc.local")),
    VerifyCase(
      "sysvinit with the script stopped", unit,
      base: .exactly("\(sysvinit)\n\(inittab)\nl etc/rc2.d/K05rc.local > ../init.d/rc.local"),
      finds: [
        "error: sbin/init: starts neither /etc/rc.local nor the agent: there is no S??rc.local in /etc/rc2.d to /etc/rc5.d, and /etc/inittab does not name rc.local; install the package that has /etc/init.d/rc.local (Debian: initscripts), or add a line to /etc/inittab"
      ]),
    VerifyCase(
      "a line of inittab", "f 644 etc/inittab = ::once:/etc/rc.local\\n", base: .exactly("\(sysvinit)\n\(inittab)")),
    VerifyCase(
      "an init of another kind", base: .exactly(sysvinit),
      finds: [
        "warning: sbin/init: is an init that is neither systemd nor configured by /etc/inittab or /etc/rc2.d: whether it starts /etc/rc.local cannot be told"
      ]),
    VerifyCase(
      "no init in a base with a kernel", base: .exactly("f 755 bin/sh = -\nd 755 lib/modules/6.1.0"),
      finds: [
        "warning: sbin/init: is neither in the overlay nor in the base, so that no node comes up with this base; is it the image that the nodes have?"
      ]),
    VerifyCase("no init in a base to try things on", base: .exactly("f 755 bin/sh = -")),
  ])
  func inits(_ given: VerifyCase) throws { try given.check() }

  @Test(arguments: [
    ("#!/bin/sh\nmonorail-agent\n", true), ("#!/bin/sh\n  # monorail-agent\n", false), ("", false),
    ("#!/bin/sh\nexit\nmonorail-agent\n", false), ("#!/bin/sh\nstart() {\n  exit 1\n}\nmonorail-agent\n", true),
    ("#!/bin/sh\nfor x in 1 2; do\nexit 1\ndone\nmonorail-agent", true),
    ("#!/bin/sh\ncase $1 in\nx) exit 1 ;;\nesac\nexit 0\nmonorail-agent", false),
    ("#!/bin/sh\nexiting\nmonorail-agent", true),
  ])
  func linesThatStartIt(_ text: String, _ expected: Bool) {
    #expect(StartCheck.startsAgent(Array(text.utf8)) == expected)
  }
}
