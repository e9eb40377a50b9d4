import COpenSSL

/// A message digest, fed in pieces.
public struct Digest: ~Copyable {
  public enum Algorithm: Sendable {
    case sha256
    /// What the server's file service answers; not for anything that must withstand an attack.
    case md5
  }

  private let context: OpaquePointer?

  public init(_ algorithm: Algorithm) {
    context = EVP_MD_CTX_new()
    let kind =
      switch algorithm {
      case .sha256: EVP_sha256()
      case .md5: EVP_md5()
      }
    precondition(EVP_DigestInit_ex(context, kind, nil) == 1, "libcrypto has no such digest")
  }

  deinit { EVP_MD_CTX_free(context) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// The digest in lower-case hexadecimal.
  public consuming func finish() -> String {
    var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    EVP_DigestFinal_ex(context, &bytes, &count)
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.prefix(Int(count)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
