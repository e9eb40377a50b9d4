/// The jobs that a server has, by name.
public struct JobKinds: Sendable {
  private let kinds: [String: any Job.Type]

  /// - Parameter kinds: the job of each name, `Job.noop`.
  public init(_ kinds: [String: any Job.Type]) { self.kinds = kinds }

  public func kind(_ name: String) -> (any Job.Type)? { kinds[name] }
}
