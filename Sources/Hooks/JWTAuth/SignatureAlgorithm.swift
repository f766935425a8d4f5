public import FreeIMCore
import JWTKit

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1). `none` is not among them.
public enum SignatureAlgorithm: String, Sendable, CaseIterable, SectionValue {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    /// The shortest secret in bytes, that of the digest (RFC 7518 §3.2); nil where the key is no secret.
    var secretBytes: Int? {
        switch self {
        case .hs256: 32
        case .hs384: 48
        case .hs512: 64
        default: nil
        }
    }

    /// nil where the algorithm leaves no choice.
    var digest: DigestAlgorithm? {
        switch self {
        case .hs256, .rs256, .ps256: .sha256
        case .hs384, .rs384, .ps384: .sha384
        case .hs512, .rs512, .ps512: .sha512
        case .es256, .es384, .es512, .edDSA: nil
        }
    }
}
