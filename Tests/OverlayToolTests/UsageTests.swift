import Testing

/// A command line that is not understood gets an answer with the next step.
@Suite struct UsageTests {
  @Test(arguments: [
    ("pack tree --ouput x", ["Unknown option '--ouput'. Did you mean '--output'?"]),
    ("merge a b --ouput x", ["Unknown option '--ouput'. Did you mean '--output'?"]),
    ("shell --bsae b x", ["Unknown option '--bsae'. Did you mean '--base'?"]),
    ("pack tree", ["Missing expected argument '--output <output>'"]),
    ("pakc tree -o x", ["there is no command \"pakc\"", "Did you mean \"pack\"?"]),
    ("verfiy x", ["Did you mean \"verify\"?"]),
    (
      "make x",
      [
        "there is no command \"make\"",
        "The commands are: build, pack, unpack, list, explain, diff, merge, shell, verify, publish.",
      ]
    ),
    ("shell --base b x apt-get install -y foo", ["Put \"--\" before the command"]),
    (
      "shell b x apt-get install -y foo",
      ["Put \"--\" before the command", "Missing expected argument '--base <base>'"]
    ),
    ("shell --base b x ls", ["Put \"--\" before the command"]),
    ("shell --base b x --ofline", ["Did you mean '--offline'?"]),
    (
      "shell --base b x --bind nope -- ls",
      ["give SRC:DST, a path of this machine and an absolute path in the workspace"]
    ),
    ("verify x --ignore etc/issue:foo", ["\"foo\" is no kind of finding; the kinds are "]),
    ("verify x --arch mips", ["Please provide one of 'x86_64' and 'aarch64'"]),
  ])
  func theNextStepIsSaid(_ command: String, _ words: [String]) throws {
    let scratch = try ToolScratch()
    let run = try ToolRun(command.split(separator: " ").map(String.init), in: scratch.path)
    #expect(run.status == 64 && run.output == "")
    for word in words { #expect(run.errors.contains(word), "\(run.errors)") }
  }

  @Test(arguments: [
    ("pack tree --no-required -o no/x.cpio", "there is no directory no; \"mkdir -p no\" makes it"),
    ("unpack x.cpio no/tree", "there is no directory no; \"mkdir -p no\" makes it"),
    ("unpack text tree2", "text is no overlay archive: it is text"),
    ("unpack tree tree2", "tree is a directory, not an archive"),
    ("unpack x.cpio text", "text is no directory: name one, or one that does not exist yet"),
  ])
  func theNextStepIsSaidForFilesOfAnotherKind(_ command: String, _ words: String) throws {
    let scratch = try ToolScratch()
    try scratch.shell("mkdir tree; echo words >text; \"$tool\" pack tree -o x.cpio --no-required")
    let run = try ToolRun(command.split(separator: " ").map(String.init), in: scratch.path)
    #expect(run.status == 2 && run.errors.contains(words), "\(run.errors)")
  }

  /// Debian calls the machine that `uname -m` calls aarch64 arm64.
  @Test(arguments: [("arm64", "aarch64"), ("amd64", "x86_64"), ("aarch64", "aarch64")])
  func aMachineHasTheNamesThatDebianAndUnameGiveIt(_ name: String, _ meant: String) throws {
    let scratch = try ToolScratch()
    try scratch.shell("mkdir tree; \"$tool\" pack tree -o x.cpio --no-required")
    let run = try scratch.tool("verify", "x.cpio", "--arch", name, "--no-base", "--json")
    #expect(run.output.contains("\"architecture\": \"\(meant)\""), "\(run.output)\(run.errors)")
  }
}
