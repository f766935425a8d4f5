import FreeIMCore
import Testing

@Suite("Subjects")
struct SubjectsTests {
    @Test(
        "the prefix is im_v2 and the path with underscores",
        arguments: [
            ("/ws", "im_v2_ws"), ("/im/ws", "im_v2_im_ws"), ("", "im_v2"), ("/", "im_v2_"), ("ws", "im_v2ws"),
            ("/chat-room", "im_v2_chat-room"),
        ])
    func prefix(_ path: String, _ prefix: String) {
        #expect(Subjects(path: path).prefix == prefix)
    }

    @Test("servers and events have FreeIM's names, and ours follow them")
    func names() {
        let subjects = Subjects(path: "/ws")
        #expect(subjects.server("127.0.0.1:6001") == "im_v2_wsServer127.0.0.1:6001")
        #expect(subjects.online == "evt_im_v2_wsOnline")
        #expect(subjects.offline == "evt_im_v2_wsOffline")
        #expect(subjects.joined == "evt_im_v2_wsJoined")
        #expect(subjects.left == "evt_im_v2_wsLeft")
    }
}
