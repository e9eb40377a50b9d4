import GRDB

/// Why a command of the store was not carried out. Nothing of the command is stored then.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    /// There is no such thing.
    case notFound
    /// The request is not acceptable, whatever the store holds.
    case refused
    /// What the store holds does not allow it now.
    case conflict
    /// The disk has no room. What was stored before is unharmed, and the same command can be given again.
    case diskFull
    /// Another server uses the directory.
    case inUse
    /// The directory or the database cannot be used.
    case unusable
  }

  public let kind: Kind
  /// A sentence: what was tried, and why it was not done.
  public let message: String

  public init(_ kind: Kind, _ message: String) { (self.kind, self.message) = (kind, message) }

  public var description: String { message }

  static func noNode(_ id: String) -> StoreError { StoreError(.notFound, "Could not find node with identifier \(id)") }

  /// The store's error for one of the database; other errors stay as they are.
  static func from(_ error: any Error, place: String) -> any Error {
    guard let error = error as? DatabaseError else { return error }
    switch error.resultCode {
    case .SQLITE_FULL:
      return StoreError(.diskFull, "the disk of \(place) is full; nothing was changed, so make room and try again")
    case .SQLITE_IOERR:
      return StoreError(
        .diskFull, "\(place) cannot be written (\(error.message ?? "input/output error")); nothing was changed")
    default: return StoreError(.unusable, "the database of \(place): \(error)")
    }
  }
}
