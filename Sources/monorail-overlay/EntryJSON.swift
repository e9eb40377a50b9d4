import JSONDocument
import Overlay

extension Entry {
  /// The entry as a JSON object.
  ///
  /// - Parameters:
  ///   - links: another name of the same file.
  ///   - sha256: of its contents.
  func json(links: OverlayPath? = nil, sha256: String? = nil) -> JSON {
    var object = path.json
    object["type"] = .string("\(kind)")
    object["mode"] = .string(octalMode)
    object["uid"] = .integer(owner)
    object["gid"] = .integer(group)
    if case .file(let size) = kind { object["size"] = .integer(size) }
    object["mtime"] = .integer(modified)
    switch kind {
    case .symlink(let target):
      object.set("target", bytes: target)
    case .characterDevice(let device), .blockDevice(let device):
      object["major"] = .integer(device.major)
      object["minor"] = .integer(device.minor)
    case .file, .directory, .fifo, .socket: break
    }
    if let links { object.set("links", bytes: links.archiveName) }
    if let sha256 { object["sha256"] = .string(sha256) }
    return .object(object)
  }
}

extension OverlayPath {
  /// An object with the member `path`.
  var json: JSONObject {
    var object = JSONObject()
    object.set("path", bytes: archiveName)
    return object
  }
}
