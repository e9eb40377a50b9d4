import Overlay
import SystemFiles

/// What one recipe file says: what is in an overlay, and how it comes into it.
///
/// The parts are done in the order in which they stand here, whatever their order in the file is. docs/recipes.md has every
/// key with its meaning.
public struct Recipe: Sendable {
  /// The recipe's path, as it is shown to people.
  public var file: String
  /// The recipe's path without symlinks, by which other recipes name it.
  public var path: String
  /// The directory that paths of the recipe are relative to, without symlinks.
  public var directory: String

  /// What the overlay is for: `<content>` of the naming convention. The file's name without its ending when it says nothing.
  public var name: Located<String>
  /// What the overlay is, for people.
  public var summary: Located<String>?
  public var variables: [String: Located<String>] = [:]

  public var from: [Located<Source>] = []
  /// Lines of apt's sources.list(5) that take the place of the base image's own.
  public var archives: [Located<String>] = []
  public var packages: [Located<Package>] = []
  /// Whether the packages' manuals and translations are kept; copyright files always are.
  public var keepsDocumentation = false
  public var downloads: [Located<Download>] = []
  public var files: [Located<File>] = []
  public var links: [Located<Link>] = []
  public var modules: [Located<Module>] = []
  public var commands: [Located<Command>] = []
  public var services: [Located<Service>] = []
  /// Lines for `/opt/rc.local.hooks`, which rc.local runs before it starts the agent.
  public var hooks: [Located<String>] = []
  public var removals: [Located<OverlayPath>] = []

  /// Whether the overlay gets the required files of `pack`. Only the recipe that is built decides.
  public var hasRequiredFiles = true
  public var compression: Located<Compression>?
  /// Findings of `verify` that are accepted.
  public var ignored: [Located<IgnoredFindings>] = []

  /// - Parameter path: without symlinks.
  public init(file: String, path: String, name: Located<String>) {
    (self.file, self.path, self.name) = (file, path, name)
    directory = Path.split(path).directory
  }

  /// What the overlay begins with. Paths are those of this machine, inside of what the recipe may reach.
  public enum Source: Sendable, Equatable {
    /// Another recipe, done as a whole before this one.
    case recipe(String)
    /// An overlay archive, laid over what is there.
    case archive(String)
  }

  public enum Package: Sendable, Equatable {
    /// A package of the archives; with a version, that one.
    case named(String, version: String?)
    /// A `.deb` file of this machine.
    case file(String)
  }

  public struct Attributes: Sendable, Equatable {
    public var owner: UInt32 = 0
    public var group: UInt32 = 0
    /// Of the file, or of each file in a directory; `nil` for 0755 when the source's owner may run it, and else 0644.
    public var permissions: UInt32?

    public init() {}
  }

  public struct Download: Sendable, Equatable {
    public var url: String
    /// In hexadecimal.
    public var sha256: String
    public var target: OverlayPath
    public var attributes = Attributes()

    public init(url: String, sha256: String, target: OverlayPath) {
      (self.url, self.sha256, self.target) = (url, sha256, target)
    }
  }

  public struct File: Sendable, Equatable {
    public enum Origin: Sendable, Equatable {
      /// A file, or a directory with all that is in it.
      case path(String)
      /// Text of the recipe, its variables filled in where the recipe says so.
      case text(String)
      /// A file whose variables are filled in.
      case template(path: String, text: String)
      /// A new directory, or other attributes for one that is there.
      case directory
    }

    public var origin: Origin
    public var target: OverlayPath
    public var attributes = Attributes()

    public init(_ origin: Origin, target: OverlayPath) { (self.origin, self.target) = (origin, target) }
  }

  public struct Link: Sendable, Equatable {
    public var path: OverlayPath
    /// As it stands in the link.
    public var target: String

    public init(_ path: OverlayPath, to target: String) { (self.path, self.target) = (path, target) }
  }

  /// A kernel module that is built from its source for the base image's kernel.
  public struct Module: Sendable, Equatable {
    /// A directory with a Makefile for the kernel's build system.
    public var source: String
    /// Whether the hooks load it at each boot.
    public var isLoaded = true
    /// The directory below `/lib/modules/<kernel>`: `extra`, or `updates` for one that replaces the kernel's own.
    public var place = "extra"

    public init(source: String) { self.source = source }
  }

  public struct Command: Sendable, Equatable {
    /// A script for `/bin/sh -eu`.
    public var script: String
    public var hasNetwork = false

    public init(_ script: String) { self.script = script }
  }

  public struct Service: Sendable, Equatable {
    public var name: String
    /// Whether the node starts it at boot.
    public var isEnabled = true

    public init(_ name: String) { self.name = name }
  }

  public struct Compression: Sendable, Equatable {
    public var format: CompressionFormat
    public var level: Int?

    public init(_ format: CompressionFormat, level: Int? = nil) { (self.format, self.level) = (format, level) }
  }
}
