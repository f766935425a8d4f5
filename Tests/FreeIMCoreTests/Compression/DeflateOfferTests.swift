import Testing

@testable import FreeIMCore

@Suite("Offers of permessage-deflate")
struct DeflateOfferTests {
    private static let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    @Test(
        "an offer is taken with the window that it allows, and told of it where it asked",
        arguments: [
            ("permessage-deflate", .large, plain),
            (" permessage-deflate\t", .large, plain),
            ("permessage-deflate; client_max_window_bits", .large, plain),
            ("permessage-deflate;client_max_window_bits=15", .large, plain),
            ("permessage-deflate; client_max_window_bits=\"8\"", .large, plain),
            ("permessage-deflate; server_no_context_takeover", .large, plain),
            ("permessage-deflate; client_no_context_takeover; server_no_context_takeover", .large, plain),
            ("permessage-deflate; server_max_window_bits=15", .large, plain + "; server_max_window_bits=15"),
            ("permessage-deflate; server_max_window_bits=14", .medium, plain + "; server_max_window_bits=12"),
            ("permessage-deflate; server_max_window_bits = \"12\"", .medium, plain + "; server_max_window_bits=12"),
            ("permessage-deflate; server_max_window_bits=11", .small, plain + "; server_max_window_bits=9"),
            ("permessage-deflate; server_max_window_bits=9", .small, plain + "; server_max_window_bits=9"),
        ] as [(String, DeflateWindow, String)])
    func taken(field: String, window: DeflateWindow, answer: String) throws {
        let offer = try #require(DeflateOffer(in: [field]))
        #expect(offer.window == window)
        #expect(offer.answer == answer)
    }

    @Test(
        "an offer that cannot be kept to or is malformed is declined",
        arguments: [
            "", ",", ";", "=", "\"", "permessage-deflate;", "permessage-deflate x", "Permessage-Deflate",
            "x-webkit-deflate-frame", "permessage-bzip2; server_no_context_takeover",
            "permessage-deflate; unknown", "permessage-deflate; unknown=1",
            "permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=010",
            "permessage-deflate; server_max_window_bits=+9", "permessage-deflate; server_max_window_bits=ten",
            "permessage-deflate; server_max_window_bits=99999999999999999999",
            "permessage-deflate; server_max_window_bits=10=10", "permessage-deflate; server_max_window_bits=\"10",
            "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=",
            "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
            "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=\"\"",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        ])
    func declined(field: String) {
        #expect(DeflateOffer(in: [field]) == nil)
    }

    @Test("there need not be an offer")
    func none() {
        #expect(DeflateOffer(in: []) == nil)
    }

    @Test(
        "of several offers the first that can be kept to is taken",
        arguments: [
            ["permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=10"],
            ["permessage-deflate; unknown=\"a, permessage-deflate\"", "permessage-deflate; server_max_window_bits=9"],
            ["x-other; a=1, permessage-deflate; server_max_window_bits=10, permessage-deflate"],
            [
                "permessage-deflate; unknown=\"no end, permessage-deflate",
                "permessage-deflate; server_max_window_bits=9",
            ],
            ["", ",,", "permessage-deflate; server_max_window_bits=11"],
        ])
    func several(fields: [String]) throws {
        let offer = try #require(DeflateOffer(in: fields))
        #expect(offer.window == .small)
    }
}
