import Glibc
import NodeAgent

exit(Program.run(Program.arguments))
