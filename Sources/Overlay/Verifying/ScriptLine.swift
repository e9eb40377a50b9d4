/// The first line of a script, `#!/bin/sh -e`, in the two parts that the kernel makes of it (fs/binfmt_script.c): the
/// interpreter, and the rest of the line as one argument.
struct ScriptLine: Hashable, Sendable {
  var interpreter: [UInt8]
  var argument: [UInt8]

  /// How many bytes of a file the kernel looks at: 256, and 128 before 5.1.
  static let longest = 256

  /// - Parameter head: the first bytes of a file; `nil` for what does not begin with `#!`.
  init?(head: some Collection<UInt8>) {
    guard head.starts(with: "#!".utf8) else { return nil }
    let line = head.dropFirst(2).prefix(Self.longest - 2).prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
    let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    let text = Array(line).drop(while: isBlank)
    interpreter = Array(text.prefix { !isBlank($0) })
    let rest = text.dropFirst(interpreter.count).drop(while: isBlank)
    let end = rest.lastIndex { !isBlank($0) }
    argument = end.map { Array(rest[...$0]) } ?? []
  }

  /// The program that `env` looks up in `PATH`; `nil` when the interpreter is not env.
  var programOfEnv: [UInt8]? {
    guard interpreter.split(separator: UInt8(ascii: "/")).last?.elementsEqual("env".utf8) == true else { return nil }
    guard argument.first == UInt8(ascii: "-") else { return argument }
    // With -S, env splits its argument into words. It runs the first word that is neither an option nor sets a variable.
    var words = argument.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }[...]
    if let first = words.first, first.starts(with: "-S".utf8), first.count > 2 {
      words[words.startIndex] = first.dropFirst(2)
    }
    return words.first { $0.first != UInt8(ascii: "-") && !$0.contains(UInt8(ascii: "=")) }.map(Array.init)
  }
}
