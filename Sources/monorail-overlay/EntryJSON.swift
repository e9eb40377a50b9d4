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

extension JSONObject {
  /// Sets a member to text; what is not UTF-8 stands in hexadecimal besides, in a member whose name ends in `Hex`.
  mutating func set(_ key: String, bytes: [UInt8]) {
    self[key] = .string(String(decoding: bytes, as: UTF8.self))
    guard String(validating: bytes, as: UTF8.self) == nil else { return }
    let digits = Array("0123456789abcdef".utf8)
    let hex = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    self[key + "Hex"] = .string(String(decoding: hex, as: UTF8.self))
  }
}
