import FoundationEssentials
import FreeIMCore
import SwiftASN1

/// A file of public keys: PEM, or a key set in JSON (RFC 7517 §5).
enum KeyFile {
    /// A token that names no key is tried with each.
    static let mostKeys = 16
    private static let mostBytes = 1 << 20

    /// Reads and checks the file; blocks as long as that takes.
    ///
    /// - Parameter algorithm: that of keys which name none; nil: the usual one of their type.
    static func read(_ path: String, _ algorithm: SignatureAlgorithm?) throws(SettingFileError) -> [VerificationKey] {
        let bytes = try SettingFile.read(path)
        do throws(SettingFileError) {
            return try keys(in: bytes, algorithm)
        } catch {
            throw SettingFileError("\(path) \(error.message)")
        }
    }

    /// - Throws: what is wrong, to be read behind the file's name.
    static func keys(
        in bytes: [UInt8], _ algorithm: SignatureAlgorithm?
    ) throws(SettingFileError) -> [VerificationKey] {
        guard bytes.count <= mostBytes else { throw SettingFileError("is longer than 1 MiB; name a file of keys") }
        let isJSON = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
        let keys = try isJSON ? keySet(bytes, algorithm) : documents(bytes, algorithm)
        guard !keys.isEmpty else {
            throw SettingFileError(
                "holds no key for signatures; put a public key there: \(PublicKey.expectation)")
        }
        guard keys.count <= mostKeys else {
            throw SettingFileError("holds \(keys.count) keys; leave out the old ones, \(mostKeys) are taken at most")
        }
        return keys
    }

    private static func documents(
        _ bytes: [UInt8], _ algorithm: SignatureAlgorithm?
    ) throws(SettingFileError) -> [VerificationKey] {
        let documents: [PEMDocument]
        do {
            documents = try PEMDocument.parseMultiple(pemString: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw SettingFileError(
                "is neither PEM nor JSON; name a file that begins with '-----BEGIN PUBLIC KEY-----', or a key set")
        }
        var keys: [VerificationKey] = []
        for document in documents {
            guard !document.discriminator.hasSuffix("PRIVATE KEY") else {
                throw SettingFileError(
                    "holds a private key, which is the business service's alone; put the public one there")
            }
            guard let key = PublicKey(document) else {
                throw SettingFileError(
                    "holds a \(document.discriminator) that cannot be used; it takes \(PublicKey.expectation)")
            }
            keys.append(try verification(by: key, algorithm))
        }
        return keys
    }

    private static func keySet(
        _ bytes: [UInt8], _ algorithm: SignatureAlgorithm?
    ) throws(SettingFileError) -> [VerificationKey] {
        let set: KeySet
        do {
            set = try JSONDecoder().decode(KeySet.self, from: Data(bytes))
        } catch {
            throw SettingFileError("is no key set (RFC 7517 §5): \(error); make it anew")
        }
        var keys: [VerificationKey] = []
        for (index, key) in set.keys.enumerated() where key.isForSignatures {
            let name = key.identifier.map { "'\($0)'" } ?? "number \(index + 1)"
            let publicKey: PublicKey?
            do {
                publicKey = try PublicKey(key)
            } catch {
                throw SettingFileError("has a key, \(name), that cannot be used; it takes \(PublicKey.expectation)")
            }
            guard let publicKey else { continue }
            guard let named = key.algorithm else {
                keys.append(try verification(by: publicKey, algorithm, identifier: key.identifier))
                continue
            }
            // A key for something else, `RSA-OAEP` for instance, is none of ours.
            guard let named = SignatureAlgorithm(rawValue: named) else { continue }
            keys.append(try verification(by: publicKey, named, identifier: key.identifier))
        }
        let names = keys.compactMap(\.identifier)
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw SettingFileError("has two keys '\(twice)'; give each a 'kid' of its own")
        }
        return keys
    }

    private static func verification(
        by key: PublicKey, _ algorithm: SignatureAlgorithm?, identifier: String? = nil
    ) throws(SettingFileError) -> VerificationKey {
        guard let wanted = algorithm ?? key.algorithms.first,
            let key = key.verification(wanted, identifier: identifier)
        else {
            let possible = key.algorithms.map(\.rawValue).joined(separator: ", ")
            throw SettingFileError(
                "has a key for \(possible), not for \(algorithm?.rawValue ?? "anything"); change 'algorithm' or the key"
            )
        }
        return key
    }
}

/// A set of keys in JSON (RFC 7517 §5).
struct KeySet: Decodable {
    struct Key: Decodable {
        let type: String
        let identifier: String?
        let algorithm: String?
        let use: String?
        let modulus: String?
        let exponent: String?
        let curve: String?
        let x: String?
        let y: String?

        enum CodingKeys: String, CodingKey {
            case type = "kty"
            case identifier = "kid"
            case algorithm = "alg"
            case use
            case modulus = "n"
            case exponent = "e"
            case curve = "crv"
            case x
            case y
        }

        var isForSignatures: Bool { use == nil || use == "sig" }
        var point: (x: String, y: String) { (x ?? "", y ?? "") }
    }

    let keys: [Key]
}
