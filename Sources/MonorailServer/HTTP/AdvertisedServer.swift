import HTTPTypes
import Hummingbird

/// Where a client finds this server: what it was told to be, or what the client itself used.
struct AdvertisedServer {
  let host: String
  let port: Int
  let url: String

  init(_ request: Request, _ configuration: ServerConfiguration) {
    let isTLS = configuration.certificateFile != nil
    let used = request.head.authority ?? configuration.host
    var host = used
    var port: Int?
    if let colon = used.lastIndex(of: ":"), used.last != "]", let number = Int(used[used.index(after: colon)...]) {
      host = String(used[..<colon])
      port = number
    }
    self.host = configuration.advertisedServer ?? host
    self.port = configuration.advertisedPort ?? port ?? (isTLS ? 443 : 80)
    url = "\(isTLS ? "https" : "http")://\(self.host):\(self.port)"
  }
}
