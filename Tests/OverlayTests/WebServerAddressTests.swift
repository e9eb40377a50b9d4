import Overlay
import Testing

struct WebServerAddressTests {
  @Test(arguments: [
    ("10.1.1.1:9080", "http://10.1.1.1:9080"), ("h:1", "http://h:1"), ("h:65535", "http://h:65535"),
    ("rack-7.example", "http://rack-7.example"), ("https://h:443", "https://h:443"), ("http://h", "http://h"),
    ("[fd00::1]:9080", "http://[fd00::1]:9080"), ("[::ffff:10.1.1.1]", "http://[::ffff:10.1.1.1]"),
  ])
  func `It becomes the begin of a URL`(text: String, url: String) throws {
    #expect(try WebServerAddress(text).url == url)
  }

  @Test(arguments: [
    ("", "expected HOST:PORT"), ("http://", "expected HOST:PORT"), (":80", "expected HOST:PORT"),
    ("ftp://h", "expected HOST:PORT"), ("a/b", "expected HOST:PORT"), ("a b:1", "expected HOST:PORT"),
    ("u@h:1", "expected HOST:PORT"), ("h:1/x", "expected HOST:PORT"), ("[fd00::1", "expected HOST:PORT"),
    ("[]:80", "expected HOST:PORT"), ("[fd00::1]80", "expected HOST:PORT"), ("[h]:80", "expected HOST:PORT"),
    ("fd00::1", "in brackets, as in [fd00::1]:9080"),
    ("h:99999", "\"99999\" is no port; those are the numbers 1 to 65535"),
    ("h:0", "is no port"), ("h:", "is no port"), ("h:-1", "is no port"), ("h:+1", "is no port"),
    ("h:１", "expected HOST:PORT"),
  ])
  func `What a node could not use is refused`(text: String, reason: String) {
    let error = #expect(throws: OverlayError.self) { try WebServerAddress(text) }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }
}
