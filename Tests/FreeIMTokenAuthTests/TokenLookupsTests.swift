import FreeIMCore
import NIOCore
import NIOEmbedded
import RedisClient
import Synchronization
import Testing

@testable import FreeIMTokenAuth

@Suite("Look-ups of tokens")
struct TokenLookupsTests {
    /// What went out, and the promises of the answers.
    private final class Commands: Sendable {
        private let sent = Mutex<[(tokens: [Token], answer: EventLoopPromise<[RedisValue]>)]>([])

        func take(_ tokens: [Token], on loop: any EventLoop) -> EventLoopFuture<[RedisValue]> {
            let answer = loop.makePromise(of: [RedisValue].self)
            sent.withLock { $0.append((tokens, answer)) }
            return answer.futureResult
        }

        var sizes: [Int] { sent.withLock { $0.map(\.tokens.count) } }

        /// Each token's value is its text.
        func answer() {
            for (tokens, answer) in takeAll() { answer.succeed(tokens.map { .bulk(ByteBuffer(string: $0.text)) }) }
        }

        func complete(_ result: Result<[RedisValue], any Error>) {
            for (_, answer) in takeAll() { answer.completeWith(result) }
        }

        private func takeAll() -> [(tokens: [Token], answer: EventLoopPromise<[RedisValue]>)] {
            sent.withLock { sent in
                defer { sent = [] }
                return sent
            }
        }
    }

    private let loop = NIOAsyncTestingEventLoop()
    private let commands = Commands()
    private let lookups: TokenLookups

    init() {
        let (loop, commands) = (loop, commands)
        lookups = TokenLookups(limit: 1_000, eventLoop: loop) { commands.take($0, on: loop) }
    }

    private func submit(_ count: Int) -> [(token: Token, value: EventLoopFuture<RedisValue>)] {
        (0..<count).map { _ in
            let token = Token.random()
            return (token, lookups.submit(token))
        }
    }

    private func outcomes(_ values: [EventLoopFuture<RedisValue>]) async -> [Result<RedisValue, RedisError>] {
        var outcomes: [Result<RedisValue, RedisError>] = []
        for value in values {
            do {
                outcomes.append(.success(try await value.get()))
            } catch {
                outcomes.append(.failure(error as? RedisError ?? RedisError(.invalid, "\(error)")))
            }
        }
        return outcomes
    }

    @Test("one that comes alone goes out at once, whatever became of the one before")
    func alone() async {
        for number in 1...5 {
            let looked = submit(1)
            #expect(commands.sizes.count == number)
            await loop.advanceTime(by: TimeAmount(BurstPace.pause(after: 1)))
            _ = looked
        }
        commands.answer()
        await loop.run()
    }

    @Test("those that come shortly after another wait for the end of the pause, and share commands")
    func burst() async {
        let looked = submit(601)
        #expect(commands.sizes == [1])
        await loop.advanceTime(by: TimeAmount(BurstPace.pause(after: 1)) - .nanoseconds(1))
        #expect(commands.sizes == [1])
        await loop.advanceTime(by: .nanoseconds(1))
        #expect(commands.sizes == [1, 256, 256, 88])
        commands.answer()
        await loop.run()
        let texts = looked.map(\.token.text)
        #expect(await outcomes(looked.map(\.value)).map { try? $0.get().string } == texts)
    }

    @Test("the more went out, the longer the pause behind them, up to the longest")
    func pauses() async {
        #expect(BurstPace.pause(after: 2) > BurstPace.pause(after: 1))
        #expect(BurstPace.pause(after: 10_000) == BurstPace.longest)
        let looked = submit(501)
        await loop.advanceTime(by: TimeAmount(BurstPace.pause(after: 1)))
        #expect(commands.sizes == [1, 256, 244])
        let later = submit(3)
        await loop.advanceTime(by: TimeAmount(BurstPace.longest) - .nanoseconds(1))
        #expect(commands.sizes == [1, 256, 244])
        await loop.advanceTime(by: .nanoseconds(1))
        #expect(commands.sizes == [1, 256, 244, 3])
        commands.answer()
        await loop.run()
        #expect(await outcomes((looked + later).map(\.value)).allSatisfy { (try? $0.get()) != nil })
    }

    @Test("an error of a command is that of each of its look-ups")
    func failure() async {
        let looked = submit(10)
        await loop.advanceTime(by: TimeAmount(BurstPace.longest))
        let error = RedisError(.timeout, "no answer")
        commands.complete(.failure(error))
        await loop.run()
        #expect(await outcomes(looked.map(\.value)) == Array(repeating: .failure(error), count: 10))
    }

    @Test("answers that are too few let nobody in")
    func tooFew() async {
        let looked = submit(10)
        await loop.advanceTime(by: TimeAmount(BurstPace.longest))
        commands.complete(.success([]))
        await loop.run()
        for case .success(let value) in await outcomes(looked.map(\.value)) { Issue.record("\(value)") }
    }

    @Test("beyond the limit they fail at once, and the others go on")
    func limit() async {
        let looked = submit(1_002)
        await loop.advanceTime(by: TimeAmount(BurstPace.longest))
        commands.answer()
        await loop.run()
        let outcomes = await outcomes(looked.map(\.value))
        guard case .failure(let error) = outcomes.last else { return #expect(Bool(false), "it was taken") }
        #expect(error.code == .overloaded)
        #expect(outcomes.dropLast().allSatisfy { (try? $0.get()) != nil })
    }

    @Test("what still waits when the loop ends fails with it")
    func end() async {
        let failed = Atomic(false)
        let looked = submit(2)
        looked[1].value.whenFailure { _ in failed.store(true, ordering: .relaxed) }
        commands.answer()
        await loop.run()
        await loop.shutdownGracefully()
        let hasFailed = failed.load(ordering: .relaxed)
        #expect(hasFailed)
    }
}
