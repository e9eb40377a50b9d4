import JSONDocument
import Overlay
import Recipes

/// The file beside an archive that says where its entries come from and what they hide in the base image: what `explain` reads.
///
///     {"format": 1, "archive": {"name": …, "sha256": …}, "base": {"name": …, "sha256": …}, "recipe": "discovery.yaml",
///      "origins": […], "entries": […], "hides": [{"path": "etc/motd", "type": "file", "mode": "0644", "size": 286}]}
struct OriginsFile: Equatable {
  /// Which archive and which base image it is about.
  var archive: Lock.File
  var base: Lock.File
  /// The name of the recipe that was built. Places in other recipes are relative to its directory.
  var recipe: String
  var origins: Origins
  var hidden: [OverlayPath: HiddenEntry]

  private static let format = 1

  static func path(beside archive: String) -> String { "\(archive).origins.json" }

  func write(beside path: String) throws(OverlayError) {
    var object = JSONObject()
    object["format"] = .integer(Self.format)
    object["archive"] = archive.json
    object["base"] = base.json
    object["recipe"] = .string(recipe)
    for member in origins.json.members { object[member.key] = member.value }
    object["hides"] = .array(
      hidden.sorted { $0.key < $1.key }.map { path, entry in
        var object = JSONObject()
        object.set("path", bytes: path.archiveName)
        entry.write(to: &object)
        return .object(object)
      })
    try WholeFile.write(Array((JSON.object(object).text + "\n").utf8), to: Self.path(beside: path))
  }

  /// - Returns: `nil` when the archive has no such file.
  static func read(beside archive: String) throws(OverlayError) -> OriginsFile? {
    guard let document = try CheckedJSON.file(path(beside: archive), format: format) else { return nil }
    var hidden: [OverlayPath: HiddenEntry] = [:]
    for element in try document.list("hides", { $0 }) {
      let isHexadecimal = element["pathHex"] != nil
      let path = try element.member(isHexadecimal ? "pathHex" : "path").path(isHexadecimal: isHexadecimal)
      guard hidden.updateValue(try HiddenEntry(element), forKey: path) == nil else {
        throw element.error("\(path) stands twice")
      }
    }
    return OriginsFile(
      archive: try Lock.File(document.member("archive")), base: try Lock.File(document.member("base")),
      recipe: try document.text("recipe"), origins: try Origins(document), hidden: hidden)
  }
}

extension Origins {
  private static let format = 1

  /// Writes the origins of a layer of the cache.
  ///
  /// - Parameter places: of all that the steps so far have done, always in the same order. A later build may have the same
  ///   steps at other places.
  func write(to path: String, places: [Place]) throws(OverlayError) {
    var object = json
    object["format"] = .integer(Self.format)
    object["places"] = .array(places.map { ["recipe": .string($0.file), "line": .integer($0.line)] })
    try WholeFile.write(Array(JSON.object(object).text.utf8), to: path)
  }

  /// Reads what `write` wrote, and puts the places of this build in.
  ///
  /// - Returns: `nil` when there is no such file, or it is about other steps.
  static func read(_ path: String, places: [Place]) throws(OverlayError) -> Origins? {
    guard let document = try CheckedJSON.file(path, format: format) else { return nil }
    let old = try document.list("places") { (place) throws(OverlayError) in
      Place(try place.text("recipe"), line: try place.integer("line"))
    }
    guard old.count == places.count else { return nil }
    let moved = Dictionary(zip(old, places)) { first, _ in first }
    return try Origins(document).moved { moved[$0] ?? $0 }
  }
}

extension Lock.File {
  fileprivate var json: JSON { ["name": .string(name), "sha256": .string(sha256)] }

  fileprivate init(_ document: CheckedJSON) throws(OverlayError) {
    self.init(name: try document.text("name"), sha256: try document.text("sha256"))
  }
}

extension HiddenEntry {
  /// Adds type, mode, and what else there is: size, target, entries.
  public func write(to object: inout JSONObject) {
    switch kind {
    case .file(let size):
      object["type"] = "file"
      object["size"] = .integer(size)
    case .directory:
      object["type"] = "directory"
      object["entries"] = .integer(contained)
    case .symlink(let target):
      object["type"] = "symlink"
      object.set("target", bytes: target)
    case .other: object["type"] = "other"
    }
    object["mode"] = .string(octalMode)
  }

  fileprivate init(_ document: CheckedJSON) throws(OverlayError) {
    let mode = document["mode"]
    guard let permissions = UInt32(try document.text("mode"), radix: 8), permissions <= 0o7777 else {
      throw (mode ?? document).error("it is no mode")
    }
    switch try document.text("type") {
    case "file": self.init(.file(size: try document.integer("size")), permissions: permissions)
    case "directory": self.init(.directory, permissions: permissions, contained: try document.integer("entries"))
    case "symlink":
      var target = Array(try document.text("target").utf8)
      if document["targetHex"] != nil {
        guard let bytes = Hexadecimal.bytes(try document.text("targetHex")) else {
          throw document.error("targetHex is no hexadecimal text")
        }
        target = bytes
      }
      self.init(.symlink(target: target), permissions: permissions)
    case "other": self.init(.other, permissions: permissions)
    case let type: throw document.error("\"\(OverlayPath.printable(Array(type.utf8)))\" is no type")
    }
  }
}
