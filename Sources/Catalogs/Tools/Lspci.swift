import JSONDocument

extension CatalogTool {
  static let lspci = CatalogTool(
    name: "lspci", source: "lspci", commands: [.exact("sudo lspci -nn -vmm")], parse: Lspci.parse)
}

/// `lspci -vmm`: an array with an object for each device. A value ends at the next colon, so that `Slot` has the bus alone.
///
/// The output ends with an empty line, behind which stock parsers see one more device, without members.
enum Lspci {
  static func parse(_ output: String) throws(Unparsable) -> ParsedOutput {
    var devices: [JSON] = []
    var device = Fields()
    var isFirstLine = true
    let lines = OutputText.lines(output)
    for (index, line) in lines.enumerated() {
      if line.isEmpty, !isFirstLine, index < lines.count - 1 {
        devices.append(device.json)
        device = Fields()
        isFirstLine = true
        continue
      }
      isFirstLine = false
      let (key, value) = line.pair(at: ":")
      // One blank or tab behind the colon belongs to the colon.
      let text = value.map { $0.utf8.first?.isWhiteSpace == true ? Substring($0.utf8.dropFirst()) : $0 }
      device.set(key, text)
    }
    devices.append(device.json)
    return ParsedOutput(.array(devices))
  }
}
