import JSONDocument

/// How large definitions and options may be, so that a short request cannot take a server's time and memory.
enum DefinitionLimits {
  /// What the tasks of one graph may have together, when each has its own copy of the definition and of the defaults that
  /// it names.
  static let mostCopiedValues = 200_000
  static let mostCopiedBytes = 32 << 20
  /// How deep options may nest once they are rendered. Half of what can be stored: a plan has levels around them.
  static let deepestOptions = GraphPlan.storedDepth / 2
}

/// How many values a document has, itself among them, and how many bytes the texts in it.
struct JSONSize {
  private(set) var values = 0
  private(set) var bytes = 0

  init() {}

  init(_ json: JSON) { add(json) }

  static func * (size: JSONSize, count: Int) -> JSONSize {
    var product = JSONSize()
    (product.values, product.bytes) = (size.values * count, size.bytes * count)
    return product
  }

  static func += (size: inout JSONSize, other: JSONSize) {
    size.values += other.values
    size.bytes += other.bytes
  }

  /// Whether the tasks of a graph may have copies of that size together.
  var isTooLarge: Bool {
    values > DefinitionLimits.mostCopiedValues || bytes > DefinitionLimits.mostCopiedBytes
  }

  private mutating func add(_ json: JSON) {
    values += 1
    switch json {
    case .null, .bool: break
    case .number(let text), .string(let text): bytes += text.utf8.count
    case .array(let elements): for element in elements { add(element) }
    case .object(let object):
      for member in object.members {
        bytes += member.key.utf8.count
        add(member.value)
      }
    }
  }
}

extension JSON {
  /// How many values the document has, itself among them.
  var valueCount: Int { JSONSize(self).values }

  /// How deep arrays and objects nest; 0 for any other value.
  var depth: Int {
    switch self {
    case .array(let elements): 1 + (elements.map(\.depth).max() ?? 0)
    case .object(let object): 1 + (object.members.map(\.value.depth).max() ?? 0)
    default: 0
    }
  }
}
