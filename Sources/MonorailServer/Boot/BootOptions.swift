import JSONDocument

/// What a node boots, under the names that the stock server's bootstrap options have (`kernelFile`, …). The files lie in
/// `ServerConfiguration.bootDirectory`.
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
  /// `overlayfsFile` (one name, names separated by commas, or a list), `comport` and `kargs` (text, or an object of
  /// parameters), each at the top or under `defaults`.
  func overridden(by options: JSONObject) -> BootOptions {
    let value = { (name: String) in options[name] ?? options["defaults"]?[name] }
    var result = self
    if let name = value("kernelFile")?.stringValue { result.kernelFile = name }
    if let name = value("initrdFile")?.stringValue { result.initrdFile = name }
    if let name = value("basefsFile")?.stringValue { result.basefsFile = name }
    if let names = value("overlayfsFile") {
      result.overlayfsFiles = names.arrayValue?.compactMap(\.stringValue) ?? names.stringValue.map(Self.names)
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

  /// The names of a list that is separated by commas.
  public static func names(_ list: String) -> [String] { list.split(separator: ",").map(String.init) }
}
