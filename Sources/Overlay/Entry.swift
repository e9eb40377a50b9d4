/// One entry of an overlay: a name and what it names, without the bytes of a file.
public struct Entry: Hashable, Sendable {
  public var path: OverlayPath
  public var kind: Kind
  /// The lower twelve bits of the mode: permissions, setuid, setgid, sticky.
  public var permissions: UInt32
  public var owner: UInt32
  public var group: UInt32
  /// Seconds since 1970.
  public var modified: UInt32
  /// What the names of one file (hard links) have in common; `nil` for a file with one name.
  public var links: LinkGroup?

  public enum Kind: Hashable, Sendable {
    /// A regular file and its size in bytes. In an archive the data of a file with several names stands with one of them,
    /// normally the last; the others have size 0.
    case file(size: Int)
    case directory
    case symlink(target: [UInt8])
    case fifo
    case socket
    case characterDevice(DeviceNumber)
    case blockDevice(DeviceNumber)
  }

  public struct DeviceNumber: Hashable, Sendable {
    public var major: UInt32
    public var minor: UInt32

    public init(major: UInt32, minor: UInt32) { (self.major, self.minor) = (major, minor) }
  }

  /// Which file it is, among those of one tree or one archive.
  public struct LinkGroup: Hashable, Sendable {
    public let number: Int

    public init(_ number: Int) { self.number = number }
  }

  public init(
    _ path: OverlayPath, _ kind: Kind, permissions: UInt32, owner: UInt32 = 0, group: UInt32 = 0, modified: UInt32 = 0,
    links: LinkGroup? = nil
  ) {
    (self.path, self.kind, self.permissions, self.owner) = (path, kind, permissions, owner)
    (self.group, self.modified, self.links) = (group, modified, links)
  }

  /// A character device 0:0 marks a name that the overlay removes from the base image
  /// (the kernel's Documentation/filesystems/overlayfs.rst).
  public var isWhiteout: Bool { kind == .characterDevice(DeviceNumber(major: 0, minor: 0)) }

  public var isDirectory: Bool { kind == .directory }

  /// Bytes of a regular file; 0 for everything else.
  public var size: Int { if case .file(let size) = kind { size } else { 0 } }
}

extension Entry.Kind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .file: "file"
    case .directory: "directory"
    case .symlink: "symlink"
    case .fifo: "fifo"
    case .socket: "socket"
    case .characterDevice(let device): device.major == 0 && device.minor == 0 ? "whiteout" : "character device"
    case .blockDevice: "block device"
    }
  }
}
