import Glibc
import HTTPTransport
import JSONDocument
import Overlay
import SystemFiles

/// A recipe's lock as a JSON file beside it: `discovery.lock` beside `discovery.yaml`.
enum LockFile {
  private static let format = 1
  /// Bytes. The lock of 10,000 packages has 4 MB.
  private static let limit = 64 << 20

  /// The path of the lock that belongs to a recipe.
  static func path(for recipe: String) -> String {
    let name = Path.split(recipe).name
    let ending = [".yaml", ".yml"].first { name.utf8.count > $0.utf8.count && name.hasSuffix($0) } ?? ""
    return recipe.dropLast(ending.count) + ".lock"
  }

  /// Reads a lock, and checks every field: it comes from anybody who can write to the recipe's repository.
  ///
  /// - Parameter followsSymlinks: for a path that a person has given; a recipe could have a symlink that leads elsewhere.
  /// - Returns: `nil` when there is no such file.
  /// - Throws: names the file, what in it is wrong, and what to do.
  static func read(_ path: String, followsSymlinks: Bool = false) throws(OverlayError) -> Lock? {
    do throws(OverlayError) {
      return try CheckedJSON.file(path, format: format, limit: limit, followsSymlinks: followsSymlinks).map(lock)
    } catch {
      throw OverlayError(
        "the lock cannot be used: \(error.message)",
        remedy:
          "Get the file back as it was, for example with git, or remove it and build without --locked to make a new"
          + " one. One of a newer format needs a newer program.",
        cause: error.cause)
    }
  }

  private static func lock(_ document: CheckedJSON) throws(OverlayError) -> Lock {
    let epoch = try document.integer("epoch")
    guard let epoch = UInt32(exactly: epoch) else {
      throw try document.member("epoch").error("it is no time: seconds since 1970")
    }
    var lock = Lock(base: try file(try document.member("base")), epoch: epoch)
    lock.files = try document.list("files", file)
    lock.downloads = try document.list("downloads") { (item) throws(OverlayError) in
      Lock.Download(url: try item.url("url"), sha256: try item.digest("sha256"))
    }
    lock.packageSets = try document.list("packages") { (item) throws(OverlayError) in
      Lock.PackageSet(
        recipe: try item.text("recipe"), key: try item.text("key"), request: try item.digest("request"),
        packages: try item.list("packages", package))
    }
    var seen: Set<String> = []
    for (index, set) in lock.packageSets.enumerated() where !seen.insert("\(set.recipe)\0\(set.key)").inserted {
      throw try document.member("packages").error("number \(index + 1) is for the same recipe as another one")
    }
    return lock
  }

  private static func file(_ item: CheckedJSON) throws(OverlayError) -> Lock.File {
    Lock.File(name: try item.text("name"), sha256: try item.digest("sha256"))
  }

  private static func package(_ item: CheckedJSON) throws(OverlayError) -> Lock.Package {
    let package = Lock.Package(
      name: try item.text("name"), version: try item.text("version"), architecture: try item.text("architecture"),
      url: item["url"] == nil ? nil : try item.url("url"), size: try item.integer("size"),
      sha256: try item.digest("sha256"), isRequested: try item.flag("requested"))
    if let problem = package.problem { throw item.error(problem) }
    return package
  }

  /// Throws now what would fail when the lock is written after a long build.
  static func checkWritable(_ path: String) throws(OverlayError) {
    let directory = Path.split(path).directory
    guard access(directory, W_OK | X_OK) == 0 else {
      let error = OverlayError.inDirectory(directory, "write the lock \(path)")
      throw OverlayError(
        error.message, remedy: error.remedy ?? "Name another place for it with --lock FILE.", cause: error.cause)
    }
  }

  static func text(_ lock: Lock) -> String {
    let document: JSON = [
      "format": .integer(format),
      "base": file(lock.base),
      "epoch": .integer(lock.epoch),
      "files": .array(lock.files.map(file)),
      "downloads": .array(lock.downloads.map { ["url": .string($0.url), "sha256": .string($0.sha256)] }),
      "packages": .array(
        lock.packageSets.map { set in
          [
            "recipe": .string(set.recipe), "key": .string(set.key), "request": .string(set.request),
            "packages": .array(set.packages.map(package)),
          ]
        }),
    ]
    return document.prettyText
  }

  private static func file(_ file: Lock.File) -> JSON { ["name": .string(file.name), "sha256": .string(file.sha256)] }

  private static func package(_ package: Lock.Package) -> JSON {
    var members = JSONObject()
    members["name"] = .string(package.name)
    members["version"] = .string(package.version)
    members["architecture"] = .string(package.architecture)
    members["url"] = package.url.map { .string($0) }
    members["size"] = .integer(package.size)
    members["sha256"] = .string(package.sha256)
    members["requested"] = .bool(package.isRequested)
    return .object(members)
  }
}

extension CheckedJSON {
  fileprivate func digest(_ key: String) throws(OverlayError) -> String {
    let text = try text(key)
    guard let digest = try? URLText.digest(text), digest == text else {
      throw try member(key).error("it is no SHA-256 digest in lower-case hexadecimal")
    }
    return text
  }

  fileprivate func url(_ key: String) throws(OverlayError) -> String {
    let text = try text(key)
    guard text.hasPrefix("http://") || text.hasPrefix("https://"), text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
    else { throw try member(key).error("it is no http or https URL") }
    return text
  }
}

extension Lock.Package {
  /// What keeps this from being a package; `nil` for a good one. Names and versions become names of files and words of command
  /// lines.
  var problem: String? {
    func consists(_ text: String, of others: String) -> Bool {
      !text.isEmpty && text.utf8.count <= 255
        && text.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
          default: others.utf8.contains(byte)
          }
        }
    }
    // Debian Policy, 5.6.1, 5.6.8 and 5.6.12.
    let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    guard consists(name, of: "+-."), name.first.map({ !"+-.".contains($0) }) == true else {
      return "\"\(OverlayPath.printable(Array(name.utf8.prefix(100))))\" is no name of a package"
    }
    guard consists(architecture, of: "-"), architecture.first != "-" else {
      return "\(name) has the architecture \"\(OverlayPath.printable(Array(architecture.utf8.prefix(100))))\""
    }
    guard consists(version, of: upper + "+-.~:"), version.first?.isNumber == true else {
      return "\(name) has the version \"\(OverlayPath.printable(Array(version.utf8.prefix(100))))\", which is none"
    }
    return nil
  }
}
