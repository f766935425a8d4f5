import Foundation

@testable import FreeIMCore
@testable import FreeIMJWTAuth

extension FuzzTarget {
    /// A JSON Web Token up to its signature, what it says behind it, and a file of keys.
    static let jwt = FuzzTarget(name: "jwt", longest: 2_048) { input in
        var settings = Settings(input)
        switch settings.next() % 3 {
        case 0: return try isToken(String(decoding: settings.rest, as: UTF8.self))
        case 1:
            let payload = Data(settings.rest).base64EncodedString().prefix { $0 != "=" }
            return try isToken("eyJhbGciOiJFUzI1NiJ9.\(payload.replacing("+", with: "-").replacing("/", with: "_")).AA")
        default:
            let algorithms = [nil] + SignatureAlgorithm.allCases
            return try isKeyFile(settings.rest, algorithms[Int(settings.next()) % algorithms.count])
        }
    }

    private static let now = 1_800_000_000.0

    /// Whether it would let somebody in, were its signature good.
    private static func isToken(_ text: String) throws -> Bool {
        guard let token = UnverifiedToken(text) else { return false }
        var policy = JWTPolicy()
        policy.metadataClaim = "meta"
        switch policy.decide(token.claims, now: now) {
        case .allow(let identity):
            try require(!identity.client.isSystem, "the system connects with '\(text)'")
            try require(identity.device.map(Identity.isDevice) ?? true, "a device that is none in '\(text)'")
            try require(identity.metadata?.utf8.count ?? 0 <= 4_096, "long metadata in '\(text)'")
            let end = token.claims.time("exp") ?? .infinity
            try require(end > now - 10 && end <= now + 86_410, "'\(text)' is good at \(now)")
            return true
        case .deny(let denial):
            try require(denial.status == .unauthorized && !denial.message.isEmpty, "'\(text)' is denied by \(denial)")
            return false
        case .abstain: throw Broken(description: "nobody decides about '\(text)'")
        }
    }

    private static func isKeyFile(_ bytes: ArraySlice<UInt8>, _ algorithm: SignatureAlgorithm?) throws -> Bool {
        let keys: [VerificationKey]
        do throws(SettingFileError) {
            keys = try KeyFile.keys(in: Array(bytes), algorithm)
        } catch {
            try require(!error.message.isEmpty, "refused without a reason")
            return false
        }
        try require(1...KeyFile.mostKeys ~= keys.count, "\(keys.count) keys")
        return true
    }
}
