import Catalogs
import Foundation
import JSONDocument
import Testing

@Suite struct FixtureTests {
  @Test(arguments: try Fixture.withWholeCatalog())
  func `An output becomes exactly its catalog`(_ fixture: Fixture) throws {
    let catalog = try fixture.catalog()
    #expect(catalog.isParsed, "\(catalog.reason ?? "")")
    #expect(catalog.record.sorted.prettyText == (try fixture.expected().sorted.prettyText))
  }

  @Test func `Each tool has an output`() throws {
    let names = Set(try Fixture.all().map(\.toolName))
    // Drives and volumes are parsed as controllers are.
    let missing = CatalogTool.all.map(\.name).filter {
      !names.contains($0) && $0 != "storcli-drives" && $0 != "storcli-volumes"
    }
    #expect(missing == [])
  }

  @Test(arguments: try Fixture.all().filter { $0.toolName != "test-eses" })
  func `Carriage returns at the ends of lines change nothing`(_ fixture: Fixture) throws {
    let output = try fixture.output()
    let catalog = try fixture.command().catalog(of: output.replacingOccurrences(of: "\n", with: "\r\n"))
    #expect(catalog == (try fixture.catalog()))
  }

  @Test(arguments: try Fixture.all())
  func `An output that is cut off anywhere is parsed or kept raw`(_ fixture: Fixture) throws {
    let bytes = Array(try fixture.output().utf8)
    let command = try fixture.command()
    for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 150)) {
      let output = String(decoding: bytes[..<length], as: UTF8.self)
      let catalog = command.catalog(of: output)
      if case .raw(let data, let reason) = catalog.content {
        #expect(data == ["data": .string(output)])
        #expect(!reason.isEmpty)
      }
    }
  }
}
