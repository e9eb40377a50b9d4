import Overlay

// Files, links and downloads, and their places on the node.

extension RecipeReader {
  /// - Parameter mayBeDirectory: whether a path that ends with a slash is right, and `/` itself.
  mutating func target(_ value: RecipeValue, _ key: RecipeKey, mayBeDirectory: Bool = false) -> OverlayPath? {
    guard let text = text(value, "a path in \(key.rawValue.quoted)", example: key.example)?.value else { return nil }
    return target(Located(text, value.place), mayBeDirectory: mayBeDirectory)
  }

  mutating func target(_ text: Located<String>, mayBeDirectory: Bool) -> OverlayPath? {
    guard text.value.utf8.first == UInt8(ascii: "/") else {
      report(
        text.place,
        "\(text.value.quoted) is no path on the node: those begin with a slash, as in \("/\(text.value)".quoted)")
      return nil
    }
    let name = text.value.utf8.drop { $0 == UInt8(ascii: "/") }
    guard mayBeDirectory || !name.isEmpty && name.last != UInt8(ascii: "/") else {
      report(
        text.place, "\(text.value.quoted) names a directory; write the whole path, as in \("\(text.value)NAME".quoted)")
      return nil
    }
    do throws(OverlayError) { return try OverlayPath(onNode: text.value, shown: text.value.quoted) } catch {
      report(text.place, error.message)
      return nil
    }
  }

  mutating func readFile(_ value: RecipeValue) -> Recipe.File? {
    guard let fields = fields(value, .files) else { return nil }
    let given = ["source", "content", "directory"].filter { fields[$0] != nil }
    guard given.count == 1 else {
      report(
        value.place,
        "an entry of \"files\" has \(given.isEmpty ? "none" : "more than one") of \"source\", \"content\" and \"directory\";"
          + " it needs exactly one of them, as in \"\(RecipeKey.files.example)\"")
      return nil
    }
    let isTemplate = fields["template"].flatMap { flag($0, "template: true") } ?? false
    guard let origin = readOrigin(fields, isTemplate: isTemplate) else {
      // For the mistakes in them.
      _ = fields["target"].flatMap { target($0, .files, mayBeDirectory: true) }
      _ = readAttributes(fields)
      return nil
    }
    guard let place = fields.required("target", &self),
      let target = target(place, .files, mayBeDirectory: origin.isDirectory), let attributes = readAttributes(fields)
    else { return nil }
    var file = Recipe.File(origin.value, target: target)
    file.attributes = attributes
    return file
  }

  /// What is in a file, and whether it is a directory.
  private mutating func readOrigin(
    _ fields: RecipeFields, isTemplate: Bool
  ) -> (value: Recipe.File.Origin, isDirectory: Bool)? {
    if let directory = fields["directory"] {
      if let template = fields["template"] {
        report(template.place, "a directory is no template: leave \"template\" out")
      }
      guard let flag = flag(directory, "directory: true") else { return nil }
      guard flag else {
        report(directory.place, "\"directory\" can only be true: leave it out when the entry is no directory")
        return nil
      }
      return (.directory, true)
    }
    if let content = fields["content"] {
      guard let text = text(content, "\"content\"", example: "content: ttyS0", mayBeEmpty: true)?.value else {
        return nil
      }
      return (.text(isTemplate ? filled(text, at: content.textPlace) : text), false)
    }
    guard let source = fields["source"],
      let (path, kind) = source.resolve(&self, RecipeKey.files.example, of: [.file, .directory])
    else { return nil }
    guard path != confinement.directory else {
      report(
        source.place,
        "\"source\" is the recipe's own directory, in which the recipe and its lock are; put the files"
          + " into a directory of their own"
      )
      return nil
    }
    guard isTemplate else {
      checkSource(path, kind, source)
      return (.path(path), kind == .directory)
    }
    guard kind == .file else {
      report(source.place, "a directory is no template: name the single files that are templates")
      return nil
    }
    guard canFill else { return nil }
    do throws(RecipeText.Problem) {
      let text = try RecipeText.read(path)
      let place = Place(shown(source.text ?? path), line: 1)
      return (.template(path: path, text: filled(text, at: place)), false)
    } catch {
      report(
        source.place, "the template cannot be used: \(error.message)\(error.line > 1 ? " (line \(error.line))" : "")")
      return nil
    }
  }

  private mutating func checkSource(_ path: String, _ kind: FileKind, _ source: RecipeValue) {
    // A recipe can name a large directory many times.
    guard checkedSources.insert(path).inserted else { return }
    let shown = OverlayPath.printable((source.text ?? path).utf8)
    let problems =
      kind == .directory
      ? RecipeSource.problems(inDirectory: path, shown: shown, for: .files)
      : RecipeSource.problem(withFile: path, shown: shown).map { [$0] } ?? []
    for problem in problems { report(source.place, problem) }
  }

  private mutating func readAttributes(_ fields: RecipeFields) -> Recipe.Attributes? {
    var attributes = Recipe.Attributes()
    let before = mistakes.count
    if let mode = fields["mode"], let text = text(mode, "\"mode\"", example: "mode: 0755")?.value {
      if let bits = UInt32(text, radix: 8), bits <= 0o7777, text.utf8.allSatisfy(\.isDigit) {
        attributes.permissions = bits
      } else {
        report(mode.place, "\(text.quoted) is no mode: a mode is octal and at most 7777, as in \"mode: 0755\"")
      }
    }
    if let owner = fields["owner"], let text = text(owner, "\"owner\"", example: "owner: 0:0")?.value {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false).map {
        $0.utf8.allSatisfy(\.isDigit) ? UInt32($0) : nil
      }
      if parts.count == 2, let user = parts[0], let group = parts[1] {
        (attributes.owner, attributes.group) = (user, group)
      } else if text != "root" {
        report(
          owner.place,
          "\(text.quoted) is no owner: write \"root\", or numbers of user and group, as in \"owner: 33:33\", since the names"
            + " of the node's users are not known here")
      }
    }
    return mistakes.count == before ? attributes : nil
  }

  mutating func readRemoval(_ value: RecipeValue) -> OverlayPath? {
    guard let path = target(value, .remove, mayBeDirectory: true) else { return nil }
    guard !path.isRoot else {
      report(value.place, "\"/\" cannot be removed, since the node boots from it: name what is in it")
      return nil
    }
    return path
  }

  mutating func readLinks(_ value: RecipeValue) -> [Located<Recipe.Link>] {
    map(value, .links).compactMap { path, value in
      guard let place = target(path, mayBeDirectory: false),
        let destination = text(value, "the target of a link", example: RecipeKey.links.example)?.value
      else { return nil }
      guard destination.utf8.count <= OverlayPath.longest else {
        report(value.place, "the target of a link is longer than \(OverlayPath.longest) bytes")
        return nil
      }
      return Located(Recipe.Link(place, to: destination), path.place)
    }
  }

  mutating func readDownload(_ value: RecipeValue) -> Recipe.Download? {
    guard let fields = fields(value, .download) else { return nil }
    let url = fields.required("url", &self).flatMap { readURL($0) }
    let digest = url.flatMap { readDigest(fields, of: $0) }
    let place = fields.required("target", &self).flatMap { target($0, .download) }
    let attributes = readAttributes(fields)
    guard let url, let digest, let place, let attributes else { return nil }
    var download = Recipe.Download(url: url, sha256: digest, target: place)
    download.attributes = attributes
    return download
  }

  private mutating func readURL(_ value: RecipeValue) -> String? {
    guard let text = text(value, "\"url\"", example: RecipeKey.download.example)?.value else { return nil }
    guard let rest = ["http://", "https://"].first(where: { text.hasPrefix($0) }).map({ text.dropFirst($0.count) })
    else {
      report(value.place, "\(text.quoted) cannot be fetched: a URL begins with \"https://\" or \"http://\"")
      return nil
    }
    guard let first = rest.utf8.first, first != UInt8(ascii: "/"), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else {
      report(
        value.place,
        "\(text.quoted) is no URL: it has a host, and no blanks or letters beyond ASCII (%20 stands for a blank)")
      return nil
    }
    return text
  }

  private mutating func readDigest(_ fields: RecipeFields, of url: String) -> String? {
    let remedy = "\"curl -sSfL URL | sha256sum\" prints it"
    guard let value = fields["sha256"] else {
      report(
        fields.place,
        "the download of \(url.quoted) has no \"sha256\", without which nobody knows what comes; \(remedy)")
      return nil
    }
    guard let text = text(value, "\"sha256\"", example: RecipeKey.download.example)?.value else { return nil }
    guard text.utf8.count == 64, text.utf8.allSatisfy({ $0.isDigit || (0x61...0x66).contains($0 | 0x20) }) else {
      report(value.place, "\(text.quoted) is no SHA-256 digest, which has 64 digits of 0-9 and a-f; \(remedy)")
      return nil
    }
    return text.lowercased()
  }
}

extension RecipeValue {
  /// The file of this machine that the text names.
  ///
  /// - Parameter kinds: what it may be.
  func resolve(
    _ reader: inout RecipeReader, _ example: String, of kinds: [FileKind] = [.file]
  ) -> (path: String, kind: FileKind)? {
    guard let text = reader.text(self, "a path", example: example)?.value else { return nil }
    do throws(Confinement.Refusal) {
      let found = try reader.confinement.resolve(text)
      if kinds.contains(found.kind) { return found }
      let right = kinds.map(\.description).joined(separator: " or ")
      reader.report(place, "\(text.quoted) is \(found.kind), and here must stand the path of \(right)")
    } catch { reader.report(place, error.message) }
    return nil
  }
}
