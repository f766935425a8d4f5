#if os(Linux)
    import FreeIMTestSupport
    import Testing

    @testable import FreeIMDaemon

    @Suite struct ServiceNotifierTests {
        @Test("Assignments come in one datagram, in a folder or in the abstract namespace", arguments: [false, true])
        func tells(isAbstract: Bool) throws {
            let socket = try NotifySocket(isAbstract: isAbstract)
            let notifier = try #require(ServiceNotifier(environment: ["NOTIFY_SOCKET": socket.name]))
            notifier.tell("READY=1", "STATUS=fine")
            #expect(socket.next() == ["READY=1", "STATUS=fine"])
            #expect(socket.next() == nil)
        }

        @Test(
            "Without a socket that can be one nobody is told",
            arguments: [nil, "", "x", "/" + String(repeating: "x", count: 107)])
        func nobody(name: String?) {
            #expect(ServiceNotifier(environment: name.map { ["NOTIFY_SOCKET": $0] } ?? [:]) == nil)
        }

        @Test("A manager that is gone, or does not read, holds nobody up")
        func gone() throws {
            let deaf = try NotifySocket()
            let notifier = try #require(ServiceNotifier(environment: ["NOTIFY_SOCKET": deaf.name]))
            for _ in 0..<2_000 { notifier.tell("WATCHDOG=1") }
            let nowhere = try #require(ServiceNotifier(environment: ["NOTIFY_SOCKET": "/nowhere/socket"]))
            nowhere.tell("READY=1")
        }
    }
#endif
