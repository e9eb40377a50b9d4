import Glibc
import NodeAgent

exit(Program.run(Array(CommandLine.arguments.dropFirst())))
