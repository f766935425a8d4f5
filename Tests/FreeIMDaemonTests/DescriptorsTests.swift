import Foundation
import Testing

@testable import FreeIMDaemon

@Suite struct DescriptorsTests {
    @Test("A limit below max_connections and headroom is a problem, told with both numbers and the remedy")
    func problem() {
        let descriptors = Descriptors(limit: 20_000)
        #expect(descriptors.problem(connections: 17_952) == nil)
        #expect(descriptors.problem(connections: nil) == nil)
        #expect(
            descriptors.problem(connections: 17_953) == """
                the process may have 20000 descriptors open, but the gateway's 'max_connections' of 17953 needs 20001; \
                raise the hard limit (LimitNOFILE= of systemd, ulimit -Hn) or lower 'max_connections'
                """)
    }

    @Test("Open descriptors are counted, and the limit is the hard one")
    func counts() throws {
        let before = try #require(Descriptors.openCount())
        let pipes = (0..<200).map { _ in Pipe() }
        // Other tests open and close some meanwhile.
        #expect(try #require(Descriptors.openCount()) > before + 200)
        withExtendedLifetime(pipes) {}
        var limits = rlimit()
        let descriptors = Descriptors.raised()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0)
        #expect(limits.rlim_cur == limits.rlim_max)
        #expect(descriptors.limit == Int(clamping: limits.rlim_max))
    }
}
