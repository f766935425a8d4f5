import JWTKit
import SwiftASN1

/// The public half of a pair whose private half signs.
enum PublicKey: Sendable {
    case rsa(Insecure.RSA.PublicKey)
    case p256(ES256PublicKey)
    case p384(ES384PublicKey)
    case p521(ES512PublicKey)
    case ed25519(EdDSA.PublicKey)

    /// What can be used, for messages.
    static let expectation = "RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519"

    /// nil where it is no such key, or a certificate without one.
    init?(_ document: PEMDocument) {
        let pem = document.pemString
        // Each type takes its own alone: what one throws, another may be the type for.
        if document.discriminator == "CERTIFICATE" {
            if let key = try? ES256PublicKey(certificate: pem) {
                self = .p256(key)
            } else if let key = try? ES384PublicKey(certificate: pem) {
                self = .p384(key)
            } else if let key = try? ES512PublicKey(certificate: pem) {
                self = .p521(key)
            } else if let key = try? Insecure.RSA.PublicKey(certificatePEM: pem) {
                self = .rsa(key)
            } else {
                return nil
            }
        } else if let key = try? ES256PublicKey(pem: pem) {
            self = .p256(key)
        } else if let key = try? ES384PublicKey(pem: pem) {
            self = .p384(key)
        } else if let key = try? ES512PublicKey(pem: pem) {
            self = .p521(key)
        } else if let key = try? EdDSA.PublicKey(pem: pem) {
            self = .ed25519(key)
        } else if let key = try? Insecure.RSA.PublicKey(pem: pem) {
            self = .rsa(key)
        } else {
            return nil
        }
    }

    /// nil where it is of a type that is not known (RFC 7517 §5 has it passed over).
    init?(_ key: KeySet.Key) throws {
        switch (key.type, key.curve) {
        case ("RSA", _):
            self = .rsa(try Insecure.RSA.PublicKey(modulus: key.modulus ?? "", exponent: key.exponent ?? ""))
        case ("EC", "P-256"): self = .p256(try ES256PublicKey(parameters: key.point))
        case ("EC", "P-384"): self = .p384(try ES384PublicKey(parameters: key.point))
        case ("EC", "P-521"): self = .p521(try ES512PublicKey(parameters: key.point))
        case ("OKP", "Ed25519"): self = .ed25519(try EdDSA.PublicKey(x: key.point.x, curve: .ed25519))
        default: return nil
        }
    }

    /// The algorithms that it can be for, that of a key which names none first.
    var algorithms: [SignatureAlgorithm] {
        switch self {
        case .rsa: [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        case .p256: [.es256]
        case .p384: [.es384]
        case .p521: [.es512]
        case .ed25519: [.edDSA]
        }
    }

    /// nil where the key is not for that algorithm.
    func verification(_ algorithm: SignatureAlgorithm, identifier: String? = nil) -> VerificationKey? {
        guard algorithms.contains(algorithm) else { return nil }
        return VerificationKey(identifier, algorithm) { keys, identifier in
            switch self {
            case .rsa(let key):
                let digest = algorithm.digest ?? .sha256
                switch algorithm {
                case .ps256, .ps384, .ps512: await keys.add(pss: key, digestAlgorithm: digest, kid: identifier)
                default: await keys.add(rsa: key, digestAlgorithm: digest, kid: identifier)
                }
            case .p256(let key): await keys.add(ecdsa: key, kid: identifier)
            case .p384(let key): await keys.add(ecdsa: key, kid: identifier)
            case .p521(let key): await keys.add(ecdsa: key, kid: identifier)
            case .ed25519(let key): await keys.add(eddsa: key, kid: identifier)
            }
        }
    }
}
