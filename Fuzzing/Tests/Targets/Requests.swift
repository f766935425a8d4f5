import Foundation
import FreeIMCore
import Hummingbird
import NIOCore

@testable import FreeIMAPI

extension FuzzTarget {
    /// What business services send to the HTTP API, and pages of the demo to their node.
    static let api = FuzzTarget(name: "api", longest: 2_048) { input in
        var settings = Settings(input)
        let choice = settings.next() % 4
        let body = ByteBuffer(bytes: settings.rest)
        let text = String(decoding: settings.rest, as: UTF8.self)
        do {
            switch choice {
            case 0: try checkMessage(body)
            case 1: try checkBody(body)
            case 2: try checkPage("/v1/channels?" + text)
            default: _ = try DemoCommand(.text(ByteBuffer(string: text)))
            }
            return true
        } catch let fault as APIFault {
            try require((400..<500).contains(fault.status.code), "answered with \(fault.status)")
            return false
        } catch is DemoFault {
            return false
        }
    }

    /// As `POST /v1/messages` reads it; what is taken arrives.
    private static func checkMessage(_ body: ByteBuffer) throws {
        let object = try RequestObject(body, members: ["from", "to", "message", "text", "receipt"])
        let message = DirectMessage(
            sender: try object.optional("from")?.client(), receivers: try object.required("to").clients(),
            payload: try object.payload().bytes, wantsReceipt: try object.optional("receipt")?.bool() ?? false)
        guard case .direct(let arrived) = try EnvelopeCodec.decode(EnvelopeCodec.encode(.direct(message))) else {
            throw Broken(description: "another kind of message arrives than \(message)")
        }
        try require(arrived.payload == message.payload, "\(message.payload) arrives as \(arrived.payload)")
        try require(arrived.receivers == message.receivers, "\(message.receivers) became \(arrived.receivers)")
        let sender = message.sender.flatMap { $0.isSystem ? nil : $0 }
        try require(
            arrived.sender == sender && arrived.wantsReceipt == message.wantsReceipt, "\(message) became \(arrived)")
    }

    /// As the other routes read theirs. What is taken is JSON to Foundation too, but for halves of surrogate pairs and numbers
    /// beyond a Double's, which RFC 8259 allows (§6, §8.2).
    private static func checkBody(_ body: ByteBuffer) throws {
        let object = try RequestObject(body, members: ["client", "metadata", "channels", "clients", "message"])
        let isFoundations =
            (try? JSONSerialization.jsonObject(with: Data(body.readableBytesView), options: .fragmentsAllowed)) != nil
        try require(
            isFoundations || String(buffer: body).range(of: beyondFoundation, options: .regularExpression) != nil,
            "taken, but not JSON to Foundation")
        _ = try object.optional("client")?.client()
        _ = try object.optional("metadata")?.string()
        _ = try object.optional("channels")?.channels()
        _ = try object.optional("clients")?.clients()
    }

    private static let beyondFoundation = #"\\[uU][dD]|[eE][+-]?[0-9]{3}|[0-9]{300}"#

    private static func checkPage(_ path: String) throws {
        let request = Request(
            head: HTTPRequest(method: .get, scheme: nil, authority: nil, path: path),
            body: RequestBody(buffer: ByteBuffer()))
        let page = try PageReader(limit: 1_000).page(of: request)
        try require((1...1_000).contains(page.limit), "a page of \(page.limit)")
    }
}
