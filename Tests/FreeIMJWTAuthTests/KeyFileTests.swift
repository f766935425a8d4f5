import Foundation
import FreeIMCore
import JWTKit
import Testing

@testable import FreeIMJWTAuth

@Suite("Key files of JWT auth")
struct KeyFileTests {
    private static let claims = JWTClaims(["sub": .integer(7), "exp": .integer(1_800_000_060)])

    private func withFile(_ text: String, _ body: (String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID()).pem").path
        try Data(text.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    private func auth(_ path: String, _ algorithm: SignatureAlgorithm? = nil) async throws -> JWTAuth {
        var configuration = JWTAuthConfiguration()
        configuration.keyFile = path
        configuration.algorithm = algorithm
        let auth = JWTAuth(configuration) { 1_800_000_000 }
        try await auth.ready()
        return auth
    }

    private func isLetIn(_ token: String, by auth: JWTAuth) async throws -> Bool {
        switch try await auth.authenticate(request(token)) {
        case .allow(let identity): identity == Identity(client: ClientID(7))
        case .deny, .abstain: false
        }
    }

    private func mistake(
        _ text: String, _ algorithm: SignatureAlgorithm? = nil
    ) -> String? {
        do throws(SettingFileError) {
            _ = try KeyFile.keys(in: Array(text.utf8), algorithm)
            return nil
        } catch {
            return error.message
        }
    }

    // MARK: PEM

    @Test("a public key in PEM verifies what its private half signed, with the algorithm of its type")
    func pem() async throws {
        let p256 = ES256PrivateKey()
        let p384 = ES384PrivateKey()
        let p521 = ES512PrivateKey()
        let ed25519 = try EdDSA.PrivateKey()
        for (keys, pem) in [
            (await JWTKeyCollection().add(ecdsa: p256), p256.publicKey.pemRepresentation),
            (await JWTKeyCollection().add(ecdsa: p384), p384.publicKey.pemRepresentation),
            (await JWTKeyCollection().add(ecdsa: p521), p521.publicKey.pemRepresentation),
            (await JWTKeyCollection().add(eddsa: ed25519), ed25519.publicKey.pemRepresentation),
        ] {
            let token = try await keys.sign(Self.claims)
            let another = try await JWTKeyCollection().add(ecdsa: ES256PrivateKey()).sign(Self.claims)
            try await withFile(pem) { path in
                let auth = try await auth(path)
                #expect(try await isLetIn(token, by: auth), "\(pem)")
                #expect(try await isLetIn(another, by: auth) == false, "\(pem)")
            }
        }
    }

    @Test("an RSA key is for RS256, or for the algorithm that is named, and for no other")
    func rsa() async throws {
        let key = try Insecure.RSA.PrivateKey(pem: Self.rsaKey)
        let rs256 = try await JWTKeyCollection().add(rsa: key, digestAlgorithm: .sha256).sign(Self.claims)
        let ps384 = try await JWTKeyCollection().add(pss: key, digestAlgorithm: .sha384).sign(Self.claims)
        try await withFile(key.publicKey.pemRepresentation) { path in
            let usual = try await auth(path)
            #expect(try await isLetIn(rs256, by: usual))
            #expect(try await isLetIn(ps384, by: usual) == false)
            let pss = try await auth(path, .ps384)
            #expect(try await isLetIn(rs256, by: pss) == false)
            #expect(try await isLetIn(ps384, by: pss))
        }
    }

    @Test("what was signed with the public key as a secret lets nobody in")
    func confusion() async throws {
        let pem = ES256PrivateKey().publicKey.pemRepresentation
        let token = try await JWTKeyCollection().add(hmac: HMACKey(from: pem), digestAlgorithm: .sha256)
            .sign(Self.claims)
        try await withFile(pem) { path in
            let auth = try await auth(path)
            #expect(try await isLetIn(token, by: auth) == false)
        }
    }

    @Test("the key of a token without a name is any of the file's")
    func several() async throws {
        let keys = [ES256PrivateKey(), ES256PrivateKey(), ES256PrivateKey()]
        try await withFile(keys.map(\.publicKey.pemRepresentation).joined(separator: "\n")) { path in
            let auth = try await auth(path)
            for key in keys {
                let token = try await JWTKeyCollection().add(ecdsa: key).sign(Self.claims)
                #expect(try await isLetIn(token, by: auth))
            }
        }
    }

    // MARK: Key sets

    private func jwk(_ key: ES256PrivateKey, _ others: String) throws -> String {
        let point = try #require(key.publicKey.parameters)
        let x = point.x.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        let y = point.y.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        return #"{"kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)"\#(others)}"#
    }

    @Test("a token that names a key of a set must be signed with that one")
    func named() async throws {
        let first = ES256PrivateKey()
        let second = ES256PrivateKey()
        let set = try #"{"keys":[\#(jwk(first, #","kid":"a""#)),\#(jwk(second, #","kid":"b","use":"sig""#))]}"#
        try await withFile("\n " + set) { path in
            let auth = try await auth(path)
            for (key, name, isGood) in [
                (first, "a", true), (second, "b", true), (first, "b", false), (second, "a", false), (second, "c", true),
            ] {
                let kid = JWKIdentifier(string: name)
                let token = try await JWTKeyCollection().add(ecdsa: key, kid: kid).sign(Self.claims, kid: kid)
                #expect(try await isLetIn(token, by: auth) == isGood, "\(name)")
            }
        }
    }

    @Test("keys of a set that are for something else, or of an unknown type, are passed over")
    func passedOver() throws {
        let key = ES256PrivateKey()
        let others = [
            #"{"kty":"oct","k":"AAAA"}"#, #"{"kty":"OKP","crv":"X25519","x":"AAAA"}"#,
            try jwk(key, #","use":"enc""#), try jwk(key, #","alg":"ECDH-ES""#),
        ]
        #expect(mistake(#"{"keys":[\#(others.joined(separator: ","))]}"#)?.contains("holds no key") == true)
        let keys = try KeyFile.keys(
            in: Array(#"{"keys":[\#((others + [try jwk(key, "")]).joined(separator: ","))]}"#.utf8), nil)
        #expect(keys.map(\.algorithm) == [.es256])
    }

    // MARK: Mistakes

    @Test("what is wrong with a file is said")
    func mistakes() throws {
        let key = ES256PrivateKey()
        #expect(mistake("")?.hasPrefix("holds no key") == true)
        #expect(mistake("ssh-ed25519 AAAA")?.hasPrefix("holds no key") == true)
        #expect(mistake("-----BEGIN PUBLIC KEY-----\nAA")?.hasPrefix("is neither PEM nor JSON") == true)
        #expect(mistake(key.pemRepresentation)?.hasPrefix("holds a private key") == true)
        #expect(
            mistake("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")?
                .hasPrefix("holds a PUBLIC KEY that cannot be used") == true)
        #expect(
            mistake(key.publicKey.pemRepresentation, .rs256)
                == "has a key for ES256, not for RS256; change 'algorithm' or the key")
        #expect(mistake(#"{"keys":7}"#)?.hasPrefix("is no key set") == true)
        #expect(mistake(#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k"}]}"#)?.contains("'k'") == true)
        let twice = try jwk(key, #","kid":"k""#)
        #expect(mistake(#"{"keys":[\#(twice),\#(twice)]}"#)?.hasPrefix("has two keys 'k'") == true)
        let many = String(repeating: key.publicKey.pemRepresentation + "\n", count: 17)
        #expect(mistake(many)?.hasPrefix("holds 17 keys") == true)
        #expect(mistake(String(repeating: " ", count: 1 << 20 + 1))?.hasPrefix("is longer than 1 MiB") == true)
    }

    @Test("a file that has changed is read anew on request, and what cannot be read changes nothing")
    func reload() async throws {
        let old = ES256PrivateKey()
        let new = ES256PrivateKey()
        let oldToken = try await JWTKeyCollection().add(ecdsa: old).sign(Self.claims)
        let newToken = try await JWTKeyCollection().add(ecdsa: new).sign(Self.claims)
        try await withFile(old.publicKey.pemRepresentation) { path in
            let auth = try await auth(path)
            try Data("nothing".utf8).write(to: URL(filePath: path))
            let error = await #expect(throws: ModuleError.self) { try await auth.reload() }
            #expect(error?.message.hasPrefix("'key_file' of auth.jwt: \(path) holds no key") == true)
            #expect(try await isLetIn(oldToken, by: auth))
            try Data(new.publicKey.pemRepresentation.utf8).write(to: URL(filePath: path))
            try await auth.reload()
            #expect(try await isLetIn(oldToken, by: auth) == false)
            #expect(try await isLetIn(newToken, by: auth))
        }
    }
}

extension KeyFileTests {
    /// Made for these tests alone: making one takes a second.
    fileprivate static let rsaKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCir+3PwhUFXlz9
        nQ/CXgdjWmWX0mWtqXgd7ofZjaEBsXoaoNMWsOhK8mKEh8EFQdYlRWFlSjdPqtuL
        xJ4hhoCXb+qCEZ9CI7SrlM9bd4tbHv5BXqEAQ+20AS0/kRi1NeAWNQiDP/lOzjYN
        Tr0rb4aBFgK/QbpDxyogkI9SWTgwXMeKSd/YeXIqf1y9qEx/WRJWakrY57TA122P
        Y1XzzWc/uG1tpcyfFzQOQxWvzLYi7x8ECY/S9zZWJY4GK+HELnzu2ZaXwvLS0yIZ
        Z4Zeou8OtuJLP4C4EYKuoC8QeOHO1WqKJMIkl8bMM1MLRNsUTmrqTYA/H+/gyQ6r
        si1EspTTAgMBAAECggEADi1EjPk9ubUKZ3NbXzWwcSD8f2lvQN3mwLz7i6LC6BHe
        MRnYqz6JT5alrSTjViDxl1ffb+MyxLd/4EMnAIbnB8tR5TnB5hKUeOtD0pWtSCiA
        QZQMdah1u1zq44IyZAAo4eaHMmDNyedAYJJ++50BXJhdbus8XxGpAyN1ydhKhDQ9
        1tZaM7bhhVdBLvUabVTdewTzP9Cn1EfCZeCxy9BE6qb3cEs8aDKgrla4dZ0VfBKn
        ngdZ9Ft9YJ6NNC+i3tLjfLmQV+bBxe4nxYElVUzJH0V855I2xZIW92z2RMvXxX+Z
        Nzt3o4IPJy4w0OJ5yW/KmiF3KacNmyNLFnI9O3c6CQKBgQDg5RtR3ec1YmMshp55
        fi/bPN465cF1CFrP3vjOAwTu/TKLRCX3lWqBV66Ve1XsBUUaqNu9DSS+4RWa03I6
        nKy9/tSCXVxV3dyFVnAX1lornBsEJn6saJL5I8wnmVZvIbqrQsAB/mjz7Cttw57I
        TrH8ogWp50vskXcdcSKzmoxIRwKBgQC5MDkKxVCDJfDGA2LgNWotG9vXE5ANvic8
        v0tNVJtulL0az2oD83CApPIPrWEt2KBNwAnUOGB8kAF6rGO4KuEqfe+auruHGI7m
        HJ8tVfCHBR3xutMaVonDs/tD8jice7wWhHXhO080AHgjuAOMvyzQGH5JlbkPoNzY
        5mhmzmShFQKBgDm8d8QPvQDmjmFq+hpku/KD8OWcAIuEJpRBQQzal5Snaid4ymqC
        cIJeOVLlBA0A2VnbyfYB/tIGRR6ndCb5/BsW5gXF5COjPq74nvRvslyJyiHJpDGs
        8zaE6y+rXRZQyXSYQWUBpH4ivo+Cbiwsj+M00VFqMQK94Z+sYOVNIwCXAoGANJbY
        LBHailPU6zZ89rTUgRjfNlWs2+o7FEoypTQ4q497oEh0j8irEy1EPGV9KlrRMyMs
        52JXLChs8xxPeTZcGQgIagVLSdMUiY5pOaOlGYK/fS0T0+/tUXEkEqiPoQiWYkKd
        gyenl1nmxCX2hBqqLDI4cscc9a416TaNQVytQP0CgYEAq4Zb+T0aST8Ir67dvJUT
        IFCUw47f13SCSm1mv6/fxyqs5Iuini4mZWTdzXjEmXQjqmlftfTaQ3xnsumRC6G2
        YoDbsBB8hGf8q2PXmIEfDy3BuaGryf+7c/LhT/xYY6oL9VE/AFuoVE7lrLCyqwui
        ghHCwoArJlKveHoIY/JPPaM=
        -----END PRIVATE KEY-----
        """
}
