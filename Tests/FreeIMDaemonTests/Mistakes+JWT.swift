extension Mistakes {
    static let jwt = [
        Mistakes(
            fixture: "jwt-keys",
            errors: [
                "jwt-keys.yaml:5:10: auth.jwt needs 'key_file', a file of public keys, or 'secrets'",
                "jwt-keys.yaml:9:7: 'secrets' of auth.jwt/both stands beside 'key_file'; keep one",
                """
                jwt-keys.yaml:11:13: 'key_file' of auth.jwt/file: there is no file /nowhere/keys.pem; put it \
                there, or name another
                """,
                "jwt-keys.yaml:11:56: 'max_lifetime' of auth.jwt/file is '1s', expected 10s to 8784h",
                """
                jwt-keys.yaml:13:31: 'secrets' of auth.jwt/short has one of fewer than the 48 bytes that HS384 \
                needs; make one by 'openssl rand -hex 48'
                """,
                """
                jwt-keys.yaml:15:13: 'algorithm' of auth.jwt/confused is RS256, which needs 'key_file' in place \
                of 'secrets'
                """,
                """
                jwt-keys.yaml:17:24: 'algorithm' of auth.jwt/unsigned is 'none', expected one of HS256, HS384, \
                HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA
                """,
            ])
    ]
}
