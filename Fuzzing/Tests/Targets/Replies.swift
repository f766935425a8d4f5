import NIOCore

@testable import RedisClient

extension FuzzTarget {
    /// What Redis sends, or whatever listens in its place.
    static let resp = FuzzTarget(name: "resp", longest: 2_048) { input in
        var settings = Settings(input)
        var limits = RedisReplyLimits()
        if settings.next() & 1 != 0 {
            (limits.elements, limits.depth, limits.bulkBytes, limits.replyBytes) = (20, 3, 50, 100)
        }
        let way = settings.next()
        let whole = try Reading([settings.rest], limits, sharesBytes: false)
        let pieces = settings.rest.pieces(way)
        for other in [
            try Reading([settings.rest], limits, sharesBytes: true),
            try Reading(pieces, limits, sharesBytes: false),
            try Reading(pieces, limits, sharesBytes: true),
        ] {
            try require(whole == other, "in one piece \(whole), otherwise \(other)")
        }
        return !whole.values.isEmpty
    }
}

/// What a reader made of its bytes.
private struct Reading: Equatable {
    var values: [RedisValue] = []
    var hasFailed = false

    init(_ pieces: [ArraySlice<UInt8>], _ limits: RedisReplyLimits, sharesBytes: Bool) throws {
        let reader = try ReplyReader(limits: limits, sharesBytes: sharesBytes)
        do throws(RedisError) {
            for piece in pieces { try reader.read(ByteBuffer(bytes: piece)) { values.append($0) } }
        } catch {
            try require(error.code == .protocolViolation, "failed with \(error)")
            hasFailed = true
        }
    }
}
