import Overlay

/// Something temporary that is removed at the end of this object's life, and also when a signal ends the program.
public final class Watched<Value: Temporary> {
  public let value: Value
  private let signals: SignalWatch

  public init(_ signals: SignalWatch, _ make: () throws(OverlayError) -> Value) throws(OverlayError) {
    self.signals = signals
    value = try signals.adding(make)
  }

  deinit {
    value.remove()
    signals.forget(value)
  }
}

extension StagingDirectory: Temporary {}
