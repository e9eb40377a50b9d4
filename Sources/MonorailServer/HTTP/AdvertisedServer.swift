import HTTPTypes
import Hummingbird

/// Where a client finds this server: what it was told to be, or what the client itself used.
struct AdvertisedServer {
  let host: String
  let port: Int
  let url: String
  /// What the URLs of the boot directory's files begin with, without a final slash.
  let images: String

  /// Where nodes find a server that none has asked yet; `nil` when its configuration does not say.
  ///
  /// - Parameter port: the one that it listens at.
  init?(_ configuration: ServerConfiguration, port: Int) {
    guard let host = configuration.advertisedServer else { return nil }
    self.init(host, configuration.advertisedPort ?? port, configuration)
  }

  init(_ request: Request, _ configuration: ServerConfiguration) {
    let used = request.head.authority ?? configuration.host
    var host = used
    var port: Int?
    if let colon = used.lastIndex(of: ":"), used.last != "]", let number = Int(used[used.index(after: colon)...]) {
      host = String(used[..<colon])
      port = number
    }
    self.init(
      configuration.advertisedServer ?? host,
      configuration.advertisedPort ?? port ?? (configuration.certificateFile == nil ? 80 : 443), configuration)
  }

  private init(_ host: String, _ port: Int, _ configuration: ServerConfiguration) {
    (self.host, self.port) = (host, port)
    url = "\(configuration.certificateFile == nil ? "http" : "https")://\(host):\(port)"
    images = configuration.imageServer ?? url + "/common"
  }
}
