import JSONDocument

/// What a node boots, under the names that the stock server's bootstrap options have (`kernelFile`, …). The files lie in
/// `ServerConfiguration.bootDirectory`; in place of a name, each can be a URL, which the node gets as it is.
public struct BootOptions: Sendable, Equatable {
  /// `nil`: the newest `vmlinuz-*`.
  public var kernelFile: String?
  /// `nil`: the `initrd.img-*` of the kernel's version; the newest one when the kernel's name tells no version.
  public var initrdFile: String?
  /// `nil`: the newest `base.*.squashfs.img` of the kernel's version, or the newest of all.
  public var basefsFile: String?
  /// Unpacked in this order; `nil`: `discovery.overlay.cpio.gz`.
  public var overlayfsFiles: [String]?
  /// The console besides `tty0`, which becomes `/dev/console`: `ttyS0,115200n8`.
  public var console = "ttyS0,115200n8"
  /// More kernel parameters; they come last.
  public var kernelArguments = ""
  /// Whether the kernel command line carries the digests that lie beside the images (`<name>.sha256`).
  public var withDigests = false

  public init() {}

  /// The same, with what a workflow's options say for one node: `kernelFile`, `initrdFile`, `basefsFile`,
  /// `overlayfsFile` (one name, names separated by commas, or a list), before each of these the option that ends in `Uri`
  /// in place of `File`, `comport` and `kargs` (text, or an object of parameters), each at the top or under `defaults`.
  ///
  /// - Parameter servers: the URLs that this server has. What a URI names below their `/common/` is a file of the boot
  ///   directory.
  func overridden(by options: JSONObject, servers: [String]) -> BootOptions {
    let value = { (name: String) in options[name] ?? options["defaults"]?[name] }
    let file = { (kind: String) -> String? in
      if let uri = value(kind + "Uri")?.stringValue, !uri.isEmpty { return Self.file(at: uri, servers) }
      return value(kind + "File")?.stringValue
    }
    var result = self
    if let name = file("kernel") { result.kernelFile = name }
    if let name = file("initrd") { result.initrdFile = name }
    if let name = file("basefs") { result.basefsFile = name }
    if let uris = value("overlayfsUri").flatMap(Self.texts), !uris.isEmpty {
      result.overlayfsFiles = uris.map { Self.file(at: $0, servers) }
    } else if let names = value("overlayfsFile") {
      result.overlayfsFiles = Self.texts(names)
    }
    if let port = value("comport")?.stringValue { result.console = port + ",115200n8" }
    let arguments: String? =
      switch value("kargs") {
      case .object(let members):
        members.members.map { "\($0.key)=\($0.value.stringValue ?? $0.value.text)" }.joined(separator: " ")
      case .string(let text): text
      default: nil
      }
    if let arguments, !arguments.isEmpty {
      result.kernelArguments += (result.kernelArguments.isEmpty ? "" : " ") + arguments
    }
    return result
  }

  /// Whether a file is given by its URL: no file of the boot directory that can be booted has a colon in its name.
  static func isURL(_ file: String) -> Bool { file.contains("://") }

  private static func file(at uri: String, _ servers: [String]) -> String {
    for prefix in servers.map({ $0 + "/common/" }) where uri.hasPrefix(prefix) {
      return String(uri.dropFirst(prefix.count))
    }
    return uri
  }

  /// The texts of a list; `nil` for a value that is neither a list nor a text.
  private static func texts(_ list: JSON) -> [String]? {
    list.arrayValue?.compactMap(\.stringValue) ?? list.stringValue.map(Self.names)
  }

  /// The names of a list that is separated by commas.
  public static func names(_ list: String) -> [String] { list.split(separator: ",").map(String.init) }
}
