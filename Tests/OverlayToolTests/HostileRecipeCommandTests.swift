import Foundation
import TestSupport
import Testing

/// Hostile recipes, given to the real program, which has 1 GB of addresses and a minute for each.
struct HostileRecipeCommandTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// Writes the recipe.
    let python: String
    /// The beginning of what the program says, behind the file's name.
    let says: String

    init(_ name: String, _ python: String, _ says: String) {
      (testDescription, self.python, self.says) = (name, python, says)
    }
  }

  static let cases = [
    Case(
      "aliases in aliases",
      #"w("variables:\n  l0: &l0 x\n" + "".join(f"  l{i}: &l{i} [{','.join([f'*l{i-1}'] * 9)}]\n" for i in range(1, 60)))"#,
      "2: anchors (&name) and aliases (*name) are not taken"),
    Case(
      "aliases in keys",
      #"w("? &a [x]\n: 1\n" + "".join(f"? &{b} [*{a}, *{a}]\n: 1\n" for a, b in zip("abcdefghijklm", "bcdefghijklmn")))"#,
      "1: anchors"),
    Case("half a million of lists", #"w("packages: " + "[" * 500000)"#, "1: more than 32 lists and maps"),
    Case(
      "10,000 packages", #"w("packages:\n" + "".join(f"  - package{i}\n" for i in range(10000)))"#,
      "1002: this is package 1001"),
    Case("100,000 keys", #"w("".join(f"k{i}: v\n" for i in range(100000)))"#, "25000: the recipe has more than 50000"),
    Case("a mebibyte of blanks", #"w(" " * 2000000)"#, "1: "),
    Case("a gibibyte", #"open("r/x.yaml", "w").truncate(1 << 30)"#, "1: it is longer than 1048576 bytes"),
    Case("a named pipe", #"os.mkfifo("r/x.yaml")"#, "1: it is a named pipe"),
    Case("a device", #"os.symlink("/dev/zero", "r/x.yaml")"#, "1: it is a device"),
    Case("directives", #"w("".join(f"%TAG !{i}! b\n" for i in range(60000)))"#, "1: \"%TAG\""),
    Case("NUL in a name", #"w("files: [{content: x, target: \"/a\\0b\"}]")"#, "1: the text holds a NUL character"),
    Case(
      "variables that grow",
      #"w(f"variables: {{x: {'x' * 500000}}}\nfiles: [{{source: t, target: /t, template: true}}]"); open("r/t", "w").write("{{x}}" * 200000)"#,
      ""),
    Case(
      "out of the tree", #"w("files: [{source: ../../../etc/shadow, target: /x}]")"#,
      "1: \"../../../etc/shadow\" leads out"),
    Case(
      "an absolute source", #"w("files: [{source: /etc/shadow, target: /x}]")"#,
      "1: \"/etc/shadow\" is an absolute path"),
    Case(
      "a link out of the tree",
      #"os.symlink("/etc/shadow", "r/link"); w("files:\n- {source: link, target: /x}")"#,
      "2: \"link\" leads to /etc/shadow through a symlink"),
  ]

  @Test(arguments: cases) func `A hostile recipe is refused with its line, in bounded time and memory`(_ one: Case)
    throws
  {
    let scratch = try ToolScratch()
    let python = "import os; w = lambda text: open('r/x.yaml', 'w').write(text); \(one.python)"
    try scratch.write(python, to: "make.py")
    try scratch.shell("mkdir r; /usr/bin/python3 make.py")
    let script = "ulimit -v 1000000; exec timeout 60 \"$0\" build r/x.yaml --check"
    let run = try ToolRun(["-c", script, ToolRun.program], in: scratch.path, program: "/bin/sh")
    #expect(run.status == 1, "\(run.errors)")
    let start = one.says.isEmpty ? "r/t:1: with its variables filled in" : "r/x.yaml:\(one.says)"
    #expect(run.errors.hasPrefix(start), "\(run.errors.prefix(1000))")
  }
}
