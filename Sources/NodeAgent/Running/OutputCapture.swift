/// Where a command's output goes: into its spools, and line by line to the log.
final class OutputCapture {
  let output: TaskOutput<OutputSpool>
  private var outLines: OutputLines
  private var errorLines: OutputLines

  init(_ output: TaskOutput<OutputSpool>, label: String, log: Log) {
    self.output = output
    outLines = OutputLines { log.info("\(label) | \($0)") }
    errorLines = OutputLines { log.info("\(label) ! \($0)") }
  }

  func receive(_ stream: OutputPipes.Stream, _ bytes: UnsafeRawBufferPointer) {
    switch stream {
    case .stdout:
      output.stdout?.append(bytes)
      outLines.append(bytes)
    case .stderr:
      output.stderr?.append(bytes)
      errorLines.append(bytes)
    }
  }

  /// No more output comes.
  func finish() {
    outLines.finish()
    errorLines.finish()
  }
}
