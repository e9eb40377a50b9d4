/// Why a definition or a run is refused, or why a task fails, with the place.
public struct WorkflowError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The sentence, in the stock server's words where it has some.
  public let message: String
  /// The `injectableName` of the definition that the mistake is in.
  public var definition: String?
  /// The label of the graph's task.
  public var label: String?
  /// The option, as a path: `commands[0].cmd`.
  public var option: String?

  public init(_ message: String, definition: String? = nil, label: String? = nil, option: String? = nil) {
    (self.message, self.definition, self.label, self.option) = (message, definition, label, option)
  }

  public var description: String { message }

  /// The place, in words: definition, task, option. `nil` when none is known.
  public var place: String? {
    let parts = [definition, label.map { "task \($0)" }, option.map { "option \($0)" }].compactMap(\.self)
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// The same error with the places that it does not have yet.
  func at(definition: String? = nil, label: String? = nil, option: String? = nil) -> WorkflowError {
    WorkflowError(
      message, definition: self.definition ?? definition, label: self.label ?? label, option: self.option ?? option)
  }
}
