import JSONDocument
import Overlay
import Recipes

/// Origins as JSON: `{"origins": [...], "entries": [{"from": [0, 2], "gone": true, "paths": [...], "pathsHex": [...]}]}`.
///
/// Paths with the same history stand together, so that an overlay of 100,000 entries takes little more than its names. Paths
/// that are not UTF-8 stand in `pathsHex`, in hexadecimal.
extension Origins {
  /// The members `origins` and `entries`. The same origins give the same text.
  var json: JSONObject {
    var groups: [History: [OverlayPath]] = [:]
    for (path, history) in histories { groups[history, default: []].append(path) }
    let entries = groups.sorted { $0.key < $1.key }.map { history, paths -> JSON in
      var object = JSONObject()
      object["from"] = .array(history.makers.map { .integer($0) })
      if history.isGone { object["gone"] = true }
      var (texts, digits): ([JSON], [JSON]) = ([], [])
      for path in paths.sorted() {
        if let text = String(validating: path.archiveName, as: UTF8.self) {
          texts.append(.string(text))
        } else {
          digits.append(.string(Hexadecimal.text(path.archiveName)))
        }
      }
      if !texts.isEmpty { object["paths"] = .array(texts) }
      if !digits.isEmpty { object["pathsHex"] = .array(digits) }
      return .object(object)
    }
    var object = JSONObject()
    object["origins"] = .array(table.map(\.json))
    object["entries"] = .array(entries)
    return object
  }

  init(_ document: CheckedJSON) throws(OverlayError) {
    let table = try document.list("origins") { (element) throws(OverlayError) in try Origin(element) }
    var histories: [OverlayPath: History] = [:]
    for group in try document.list("entries", { $0 }) {
      let makers = try group.list("from") { (number) throws(OverlayError) in
        let number = try number.integer()
        guard table.indices.contains(number) else { throw group.error("from: there is no origin \(number)") }
        return number
      }
      guard !makers.isEmpty else { throw group.error("from is empty") }
      let history = History(makers: makers, isGone: try group.flag("gone"))
      let texts = try group.optionalList("paths") { (path) throws(OverlayError) in try path.path(isHexadecimal: false) }
      let digits = try group.optionalList("pathsHex") { (path) throws(OverlayError) in
        try path.path(isHexadecimal: true)
      }
      for path in texts + digits {
        guard histories.updateValue(history, forKey: path) == nil else { throw group.error("\(path) stands twice") }
      }
    }
    self.init(table: table, histories: histories)
  }
}

extension Origins.History: Comparable {
  static func < (left: Self, right: Self) -> Bool {
    left.makers == right.makers
      ? !left.isGone && right.isGone : left.makers.lexicographicallyPrecedes(right.makers)
  }
}

extension Origin {
  /// `{"recipe": "discovery.yaml", "line": 12, "key": "files", "detail": "motd"}`,
  /// `{"recipe": "discovery.yaml", "line": 7, "package": "pciutils", "version": "1:3.9.0-4"}` or
  /// `{"required": "overlay-skel"}`.
  public var json: JSON {
    func object(_ place: Place) -> JSONObject {
      var object = JSONObject()
      object["recipe"] = .string(place.file)
      object["line"] = .integer(place.line)
      return object
    }
    switch self {
    case .recipe(let place, let key, let detail):
      var object = object(place)
      object["key"] = .string(key)
      if !detail.isEmpty { object["detail"] = .string(detail) }
      return .object(object)
    case .package(let place, let name, let version):
      var object = object(place)
      object["package"] = .string(name)
      object["version"] = .string(version)
      return .object(object)
    case .required(let source): return ["required": .string(source)]
    }
  }

  init(_ document: CheckedJSON) throws(OverlayError) {
    if document["required"] != nil {
      self = .required(source: try document.text("required"))
      return
    }
    let place = try Place(document)
    if document["package"] != nil {
      self = .package(place, name: try document.text("package"), version: try document.text("version"))
    } else {
      let detail = document["detail"] == nil ? "" : try document.text("detail")
      self = .recipe(place, key: try document.text("key"), detail: detail)
    }
  }
}

extension Place {
  fileprivate init(_ document: CheckedJSON) throws(OverlayError) {
    self.init(try document.text("recipe"), line: try document.integer("line"))
  }
}
