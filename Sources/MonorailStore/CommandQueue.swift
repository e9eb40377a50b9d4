import Foundation
import GRDB
import Synchronization

/// Carries commands out, one after another, on the database's thread.
///
/// Commands that came while the disk was busy are committed together: each is all or nothing by itself, but they share one
/// wait for the disk. So a thousand nodes that report at once need not wait for a thousand times of that.
final class CommandQueue: Sendable {
  /// A command that waits. `attempt` runs it in a transaction; `answer` tells whoever waits for it, once.
  private struct Waiting: Sendable {
    let attempt: @Sendable (Transaction) throws -> @Sendable () -> Void
    let fail: @Sendable (any Error) -> Void
  }

  private let database: any DatabaseWriter
  private let waiting = Mutex<[Waiting]>([])

  init(_ database: any DatabaseWriter) { self.database = database }

  /// - Parameter answer: called on the database's thread, after the commit.
  func add<Value: Sendable>(
    _ command: StoreCommand<Value>, in store: Store, answer: @escaping @Sendable (Result<Value, any Error>) -> Void
  ) {
    let item = Waiting(
      attempt: { transaction in
        let value = try command.body(transaction)
        return { answer(.success(value)) }
      },
      fail: { answer(.failure($0)) })
    let isFirst = waiting.withLock { waiting in
      waiting.append(item)
      return waiting.count == 1
    }
    guard isFirst else { return }
    database.asyncWriteWithoutTransaction { [self] db in
      let batch = waiting.withLock { waiting in
        let batch = waiting
        waiting.removeAll(keepingCapacity: true)
        return batch
      }
      carryOut(batch, db, store)
    }
  }

  private func carryOut(_ batch: [Waiting], _ db: Database, _ store: Store) {
    do {
      try carryOutTogether(batch, db, store)
    } catch {
      // The database has undone all of them: one of them filled the disk. Each by itself shows which.
      if batch.count == 1 {
        batch[0].fail(StoreError.from(error, place: store.place))
      } else {
        for item in batch { carryOut([item], db, store) }
      }
    }
  }

  private func carryOutTogether(_ batch: [Waiting], _ db: Database, _ store: Store) throws {
    let transaction = Transaction(db, store, now: store.clock())
    var answers: [@Sendable () -> Void] = []
    try db.inTransaction(.immediate) {
      for item in batch {
        let before = transaction.changes
        do {
          var answer: (@Sendable () -> Void)?
          try db.inSavepoint {
            answer = try item.attempt(transaction)
            return .commit
          }
          if let answer { answers.append(answer) }
        } catch {
          // When SQLite itself has ended the transaction, the commands before this one are undone, too.
          guard db.isInsideTransaction, !Self.endsTransaction(error) else { throw error }
          transaction.changes = before
          answers.append { item.fail(StoreError.from(error, place: store.place)) }
        }
      }
      return .commit
    }
    store.committed(transaction.changes)
    for answer in answers { answer() }
  }

  private static func endsTransaction(_ error: any Error) -> Bool {
    guard let error = error as? DatabaseError else { return false }
    return [.SQLITE_FULL, .SQLITE_IOERR, .SQLITE_NOMEM, .SQLITE_ABORT].contains(error.resultCode)
  }
}
