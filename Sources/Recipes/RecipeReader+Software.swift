import Overlay
import SystemFiles

// What is laid over the base, installed, built and run: from, archives, packages, modules, commands and services.

extension RecipeReader {
  mutating func readSource(_ value: RecipeValue) -> Recipe.Source? {
    guard let path = value.resolve(&self, RecipeKey.from.example)?.path, let text = value.text else { return nil }
    return Self.isRecipe(text) ? .recipe(path) : .archive(path)
  }

  /// Whether a name is one of a recipe; else it is one of an archive.
  static func isRecipe(_ name: String) -> Bool { name.hasSuffix(".yaml") || name.hasSuffix(".yml") }

  /// One line of sources.list(5): `deb [options] URI SUITE COMPONENT…`.
  mutating func readArchive(_ value: RecipeValue) -> String? {
    guard let text = text(value, .archives)?.value else { return nil }
    func refuse(_ reason: String) {
      report(
        value.place,
        "\(text.quoted) is no line of apt's sources.list: \(reason), as in \"\(RecipeKey.archives.example)\"")
    }
    guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      refuse("it is one line of ASCII")
      return nil
    }
    var words = text.split(separator: " ")[...]
    guard words.popFirst() == "deb" else {
      refuse("it begins with \"deb\"")
      return nil
    }
    if words.first?.hasPrefix("[") == true {
      guard let end = words.firstIndex(where: { $0.hasSuffix("]") }) else {
        refuse("its options have no \"]\"")
        return nil
      }
      words = words[(end + 1)...]
    }
    guard let uri = words.popFirst(), uri.hasPrefix("http://") || uri.hasPrefix("https://") else {
      refuse("the URI behind \"deb\" begins with \"http://\" or \"https://\"")
      return nil
    }
    guard let suite = words.popFirst(), suite.hasSuffix("/") == words.isEmpty else {
      refuse("behind the URI come the suite and its components, or a directory with a slash at its end")
      return nil
    }
    return text
  }

  mutating func readPackages(_ value: RecipeValue) -> [Located<Recipe.Package>] {
    if value.items.count > Self.mostPackages {
      report(
        value.items[Self.mostPackages].place,
        "this is package \(Self.mostPackages + 1) of the list; a recipe has at most"
          + " \(Self.mostPackages): make several recipes of it, and name them in \"from\"")
      return []
    }
    let packages = list(value, .packages) { $0.readPackage($1) }
    var lines: [String: Int] = [:]
    for package in packages {
      guard case .named(let name, _) = package.value else { continue }
      if let first = lines.updateValue(package.place.line, forKey: name) {
        report(package.place, "the package \(name.quoted) stands in line \(first) already: remove one of them")
      }
    }
    return packages
  }

  private mutating func readPackage(_ value: RecipeValue) -> Recipe.Package? {
    guard let fields = fields(value, .packages, short: "name") else { return nil }
    if let deb = fields["deb"] {
      for other in ["name", "version"] {
        if let other = fields[other] {
          report(other.place, "a \".deb\" file has its own name and version: leave them out beside \"deb\"")
        }
      }
      guard let path = deb.resolve(&self, RecipeKey.packages.example)?.path else { return nil }
      guard RecipeSource.isDebianPackage(path) else {
        report(
          deb.place, "\((deb.text ?? path).quoted) is no Debian package: it does not begin as a \".deb\" file does")
        return nil
      }
      return .file(path)
    }
    let name = fields.required("name", &self).flatMap { readPackageName($0) }
    guard let version = fields["version"] else { return name.map { .named($0, version: nil) } }
    guard let text = text(version, "\"version\"", example: "version: 1.8.19-4")?.value else { return nil }
    let marks = Array(".+-:~".utf8)
    guard text.utf8.first?.isDigit == true, text.utf8.count <= 200,
      text.utf8.allSatisfy({ $0.isLetter || $0.isDigit || marks.contains($0) })
    else {
      report(
        version.place,
        "\(text.quoted) is no version of a Debian package, as in \"version: 1.8.19-4\";"
          + " \"apt-cache policy NAME\" prints those that there are"
      )
      return nil
    }
    return name.map { .named($0, version: text) }
  }

  /// Debian Policy, 5.6.1: lower case letters, digits, plus, minus and full stop; at least two, the first no mark.
  private mutating func readPackageName(_ value: RecipeValue) -> String? {
    guard let text = text(value, .packages)?.value else { return nil }
    let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    func isWord(_ part: Substring.UTF8View, _ marks: String) -> Bool {
      part.allSatisfy { $0.isDigit || $0.isLetter && $0 & 0x20 != 0 || marks.utf8.contains($0) }
    }
    guard let name = parts.first, (2...100).contains(name.count), isWord(name.prefix(1), ""), isWord(name, "+-."),
      parts.count == 1 || parts.count == 2 && !parts[1].isEmpty && parts[1].count <= 40 && isWord(parts[1], "-")
    else {
      let remedy =
        text.utf8.contains(UInt8(ascii: "="))
        ? "; a version is written as {name: ipmitool, version: 1.8.19-4}"
        : text.hasSuffix(".deb") ? "; a file is written as {deb: \(text)}" : ""
      report(
        value.place,
        "\(text.quoted) is no name of a Debian package: those have lower case letters, digits, \"+\", \"-\" and \".\", and"
          + " may have \":\" and an architecture behind\(remedy)")
      return nil
    }
    return text
  }

  mutating func readModule(_ value: RecipeValue) -> Recipe.Module? {
    guard let fields = fields(value, .modules, short: "source") else { return nil }
    let isLoaded = fields["load"].map { flag($0, "load: false") } ?? true
    let place = fields["place"].map { word($0, .modules, of: ["extra", "updates"]) } ?? "extra"
    guard let source = fields.required("source", &self),
      let path = source.resolve(&self, RecipeKey.modules.example, of: [.directory])?.path
    else { return nil }
    guard ["Makefile", "Kbuild"].contains(where: { FileKind(of: "\(path)/\($0)") == .file }) else {
      report(
        source.place,
        "\((source.text ?? "").quoted) has no Makefile for the kernel's build system; the shortest is"
          + " \"obj-m := NAME.o\", beside NAME.c"
      )
      return nil
    }
    let shown = OverlayPath.printable((source.text ?? path).utf8)
    for problem in RecipeSource.problems(inDirectory: path, shown: shown, for: .modules) {
      report(source.place, problem)
    }
    guard let isLoaded, let place else { return nil }
    var module = Recipe.Module(source: path)
    (module.isLoaded, module.place) = (isLoaded, place)
    return module
  }

  mutating func readCommand(_ value: RecipeValue) -> Recipe.Command? {
    guard let fields = fields(value, .commands, short: "run"),
      let run = fields.required("run", &self),
      let text = text(run, "a command", example: RecipeKey.commands.example)?.value
    else { return nil }
    var command = Recipe.Command(text)
    if let network = fields["network"] {
      guard let flag = flag(network, "network: true") else { return nil }
      command.hasNetwork = flag
      if flag, !permissions.hasNetwork {
        report(
          network.place,
          "this command wants a network, with which each build may make something else; --allow network allows it")
      }
    }
    return command
  }

  mutating func readService(_ value: RecipeValue) -> Recipe.Service? {
    guard let fields = fields(value, .services, short: "name"),
      let value = fields.required("name", &self), let name = text(value, .services)?.value
    else { return nil }
    let marks = Array(":_.@-\\".utf8)
    guard name.utf8.count <= 255, name.utf8.first != UInt8(ascii: "-"), name.utf8.first != UInt8(ascii: "."),
      name.utf8.allSatisfy({ $0.isLetter || $0.isDigit || marks.contains($0) })
    else {
      report(value.place, "\(name.quoted) is no name of a service, as in \"\(RecipeKey.services.example)\"")
      return nil
    }
    var service = Recipe.Service(name)
    if let enabled = fields["enabled"] {
      guard let flag = flag(enabled, "enabled: false") else { return nil }
      service.isEnabled = flag
    }
    return service
  }
}
