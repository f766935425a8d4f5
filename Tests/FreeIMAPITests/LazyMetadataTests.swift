import InMemoryLogging
import Logging
import Testing

@testable import FreeIMAPI

@Suite("Lazy metadata")
struct LazyMetadataTests {
    @Test("what is logged has the metadata of its logger, and that of the handler")
    func logged() {
        let memory = InMemoryLogHandler()
        var inner = Logger(label: "test") { _ in memory }
        inner[metadataKey: "of the handler"] = "1"
        var logger = Logger(label: "test") { _ in LazyMetadata(inner.handler) }
        logger[metadataKey: "of the request"] = "2"
        var other = logger
        other[metadataKey: "of the request"] = "3"
        logger.info("one", metadata: ["of the message": "4"])
        other.info("two")
        #expect(
            memory.entries.map(\.metadata) == [
                ["of the handler": "1", "of the request": "2", "of the message": "4"],
                ["of the handler": "1", "of the request": "3"],
            ])
    }

    @Test("the level and the values are those of the logger")
    func values() {
        var inner = Logger(label: "test") { _ in InMemoryLogHandler() }
        inner[metadataKey: "key"] = "1"
        var logger = Logger(label: "test") { _ in LazyMetadata(inner.handler) }
        logger.logLevel = .error
        #expect(logger.logLevel == .error && inner.logLevel != .error)
        #expect(logger[metadataKey: "key"] == "1")
        logger[metadataKey: "key"] = "2"
        #expect(logger[metadataKey: "key"] == "2" && inner[metadataKey: "key"] == "1")
    }
}
