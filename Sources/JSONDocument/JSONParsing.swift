import CJSONC

/// Why a text is not a JSON document that this program takes.
public struct JSONParseError: Error, CustomStringConvertible, Equatable {
  /// What is wrong, in json-c's words or ours.
  public let reason: String
  /// How many bytes of the document stand before the place that is wrong.
  public let offset: Int

  /// The document may be right, but has more than is taken.
  public var isOfSize = false

  public var description: String {
    isOfSize
      ? "too large: \(reason), which is the most that is taken here, after \(offset) bytes"
      : "not valid JSON: \(reason) after \(offset) bytes"
  }
}

extension JSON {
  /// How deep arrays and objects may nest. The server's documents use four levels.
  public static let maximumDepth = 64

  /// Parses one JSON document as RFC 8259 has it: no comments, no trailing text, no NaN. One thing is taken that the RFC
  /// forbids: control characters in strings that are not escaped.
  ///
  /// - Parameters:
  ///   - maximumValues: how many values the document may have, so that a short text cannot take much memory.
  ///   - maximumDepth: how deep arrays and objects may nest.
  /// - Throws: `JSONParseError` for anything else, for deeper nesting, and for text that is not UTF-8.
  public init(
    parsing text: some Collection<UInt8>, maximumValues: Int = .max, maximumDepth: Int = Self.maximumDepth
  ) throws(JSONParseError) {
    guard let tokener = json_tokener_new_ex(Int32(maximumDepth)) else {
      throw JSONParseError(reason: "out of memory", offset: 0)
    }
    defer { json_tokener_free(tokener) }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8)

    // A loop over any collection would look up its type for each byte. An array is not copied here.
    let screening = try JSONScreening(Array(text), maximumValues: maximumValues, maximumDepth: maximumDepth)
    // json-c takes a final NUL for the end of the document. Without it, it waits for more digits of a bare number.
    var bytes = screening.text
    bytes.append(0)
    let root = bytes.withUnsafeBytes { buffer in
      json_tokener_parse_ex(tokener, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count))
    }
    defer { json_object_put(root) }
    let status = json_tokener_get_error(tokener)
    guard status == json_tokener_success else {
      throw JSONParseError(
        reason: status == json_tokener_continue
          ? "the document is cut off" : String(cString: json_tokener_error_desc(status)),
        offset: screening.inputOffset(of: Int(json_tokener_get_parse_end(tokener))))
    }
    try self.init(root)
  }

  public init(parsing text: String) throws(JSONParseError) { try self.init(parsing: Array(text.utf8)) }

  private init(_ node: OpaquePointer?) throws(JSONParseError) {
    switch json_object_get_type(node) {
    case json_type_boolean:
      self = .bool(json_object_get_boolean(node) != 0)
    case json_type_int, json_type_double:
      self = .number(JSONScreening.restored(String(cString: json_object_to_json_string_ext(node, 0))))
    case json_type_string:
      let bytes = UnsafeRawBufferPointer(
        start: json_object_get_string(node), count: Int(json_object_get_string_len(node)))
      self = .string(String(decoding: bytes, as: UTF8.self))
    case json_type_array:
      var elements: [JSON] = []
      for index in 0..<json_object_array_length(node) {
        elements.append(try JSON(json_object_array_get_idx(node, index)))
      }
      self = .array(elements)
    case json_type_object:
      var object = JSONObject()
      var member = json_object_iter_begin(node)
      var end = json_object_iter_end(node)
      while json_object_iter_equal(&member, &end) == 0 {
        object.append(
          key: String(cString: json_object_iter_peek_name(&member)),
          value: try JSON(json_object_iter_peek_value(&member)))
        json_object_iter_next(&member)
      }
      self = .object(object)
    default:
      self = .null
    }
  }
}
