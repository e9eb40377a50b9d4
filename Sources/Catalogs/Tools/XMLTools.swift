import JSONDocument

extension CatalogTool {
  static let mellanox = CatalogTool(
    name: "mlxfwmanager", source: "mellanox", commands: [.exact("sudo mlxfwmanager --query-xml")], parse: parseXML)

  static let eses = CatalogTool(
    name: "test-eses", source: "test_eses",
    commands: [.exact("sudo test_eses -R --xml"), .exact("sudo test_eses -q std --xml")], parse: parseXML)

  private static let parseXML: @Sendable (String) throws(Unparsable) -> ParsedOutput = {
    output throws(Unparsable) in ParsedOutput(try XMLOutput.parse(output))
  }

  static let driveID = CatalogTool(
    name: "driveid", source: "driveId", commands: [.exact("sudo node get_driveid.js")]
  ) { output throws(Unparsable) in
    let document = try JSONOutput.parse(output)
    guard document.arrayValue != nil else { throw Unparsable("the document is no array") }
    return ParsedOutput(document)
  }
}
