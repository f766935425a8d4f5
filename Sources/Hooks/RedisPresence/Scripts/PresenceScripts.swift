import RedisClient

/// The scripts with which presence is changed, each in one step.
enum PresenceScripts {
    static func script(_ body: String) -> RedisScript {
        RedisScript(ScriptPrelude.source + body)
    }
}
