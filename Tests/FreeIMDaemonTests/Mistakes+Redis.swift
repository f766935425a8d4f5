extension Mistakes {
    /// Nothing that is said of a URL shows its password.
    static let redis = [
        Mistakes(
            fixture: "redis-mistakes",
            errors: [
                """
                redis-mistakes.yaml:5:9: 'url' of transport.redis is wrong: the Redis URL cannot be used: the port must \
                be a number from 1 to 65535
                """,
                """
                redis-mistakes.yaml:7:9: 'canary_timeout' of transport.redis must be longer than 'canary_interval'
                """,
                """
                redis-mistakes.yaml:10:34: 'ca_file' of auth.token is for TLS; begin the 'url' with rediss://, or \
                leave it out
                """,
                """
                redis-mistakes.yaml:11:10: auth.token/partners is told of a Redis of its own, but not where it is; set \
                'url'
                """,
            ])
    ]
}
