extension Mistakes {
    static let tls = [
        Mistakes(
            fixture: "tls-keys",
            errors: [
                """
                tls-keys.yaml:4:7: 'listen' of gateway.websocket is none, so it listens nowhere; set 'tls_listen', or an \
                address here
                """,
                "tls-keys.yaml:10:7: 'tls_listen' of api.http needs 'tls_key', a PEM file, beside it",
                """
                tls-keys.yaml:12:7: 'tls_client_certificates' of api.http needs 'tls_client_ca', a PEM file of the \
                authorities that sign clients' certificates
                """,
            ]),
        Mistakes(
            fixture: "tls-files",
            errors: [
                """
                tls-files.yaml:5:7: 'tls_certificate' of gateway.websocket: there is no file /nowhere/gateway.crt; put it \
                there, or name another
                """,
                """
                tls-files.yaml:6:7: 'tls_key' of gateway.websocket: there is no file /nowhere/gateway.key; put it there, or \
                name another
                """,
                """
                tls-files.yaml:12:13: 'tls_certificate' of api.http is for TLS; say where with 'tls_listen', or leave it out
                """,
                "tls-files.yaml:12:60: 'tls_minimum_version' of api.http is '1.1', expected one of 1.2, 1.3",
            ]),
    ]
}
