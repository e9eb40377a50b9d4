import JSONDocument
import Workflows

/// A run with every task, in the two forms of the stock server's API.
public struct RunDocuments: Sendable {
  /// As it is shown under its node.
  public let raw: JSON
  /// As `GET workflows` shows it.
  public let view: JSON

  init(_ live: LiveRun) {
    raw = live.run.raw(id: live.recordID)
    view = live.run.view(id: live.recordID, hidesSecrets: false)
  }

  /// The form in which both are stored.
  var stored: JSON { ["raw": raw, "view": view] }

  init(stored: JSON) {
    raw = stored["raw"] ?? .null
    view = stored["view"] ?? .null
  }
}

extension LiveRun {
  /// The identifier of the record, in the form of the stock server's: 24 hexadecimal digits.
  fileprivate var recordID: String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: max(0, 24 - digits.count)) + digits
  }
}
