import Testing

/// A fixture and everything that is said of it.
struct Mistakes: Sendable, CustomTestStringConvertible {
    let fixture: String
    let errors: [String]

    var testDescription: String { fixture }

    static let all = [
        Mistakes(
            fixture: "a-list",
            errors: [
                "a-list.yaml:1:1: a manifest is a mapping with the keys 'node' and 'modules'"
            ]),
        Mistakes(
            fixture: "aliases",
            errors: [
                "aliases.yaml:1:35: more than 100000 values; are there aliases of aliases? write the values out"
            ]),
        Mistakes(
            fixture: "anonymous-remote",
            errors: [
                """
                anonymous-remote.yaml:2:10: gateway.websocket listens on all addresses (0.0.0.0:6001), so say where \
                terminals connect: set the node's 'public_url', 'wss://im.example.com{path}' for instance, or its \
                'name'
                """,
                """
                anonymous-remote.yaml:2:10: the gateway listens on 0.0.0.0:6001, beyond loopback, but auth.anonymous \
                lets anyone be anyone; set its 'allow_remote: true' if that is meant, or use auth.token
                """,
            ]),
        Mistakes(
            fixture: "api-without-key",
            errors: [
                """
                api-without-key.yaml:6:10: api.http refuses to listen on 0.0.0.0:6080 without a key; add 'keys: \
                [...]' or listen on 127.0.0.1
                """
            ]),
        Mistakes(
            fixture: "bad-variable",
            errors: [
                """
                bad-variable.yaml:1:15: what stands in '${}' does not name a variable, which has letters, digits and \
                '_'; write '$${' for the characters themselves
                """,
                """
                bad-variable.yaml:1:37: what stands in '${}' does not name a variable, which has letters, digits and \
                '_'; write '$${' for the characters themselves
                """,
            ]),
        Mistakes(
            fixture: "bad-yaml",
            errors: [
                "bad-yaml.yaml:3:1: not valid YAML: found unexpected end of stream"
            ]),
        Mistakes(
            fixture: "control-character",
            errors: [
                "control-character.yaml:4:27: not valid YAML: control characters are not allowed"
            ]),
        Mistakes(
            fixture: "demo-without-inbound",
            errors: [
                """
                demo-without-inbound.yaml:2:10: a module takes the messages of terminals, but the gateway's \
                'inbound' is discard; set 'inbound: hook' or leave it out
                """
            ]),
        Mistakes(
            fixture: "device-limits",
            errors: [
                "device-limits.yaml:6:31: 'connections_per_client' of presence.memory is '1001', expected 0 to 1000",
                """
                device-limits.yaml:7:27: 'beyond_connections' of presence.memory is 'close', expected one of \
                close_oldest, deny_new
                """,
                """
                device-limits.yaml:8:7: 'classes' names '', but a class has 1 to 64 bytes of UTF-8 without control \
                characters
                """,
                "device-limits.yaml:8:25: 'classes.phone' of presence.memory is '0', expected 1 to 1000",
            ]),
        Mistakes(
            fixture: "drain-delay",
            errors: [
                """
                drain-delay.yaml:1:7: the gateway's 'drain_delay' of 10s leaves no time to let terminals go within the \
                node's 'shutdown_timeout' of 10s; shorten the one or lengthen the other
                """
            ]),
        Mistakes(
            fixture: "duplicate-key",
            errors: [
                "duplicate-key.yaml:7:7: key 'ttl' stands twice in this mapping; keep one"
            ]),
        Mistakes(
            fixture: "duplicate-module",
            errors: [
                """
                duplicate-module.yaml:6:10: auth.token is listed twice, first in line 5; remove one, or tell them \
                apart: 'auth.token/name'
                """,
                "duplicate-module.yaml:7:10: transport.memory is listed twice, first in line 3; remove one",
            ]),
        Mistakes(
            fixture: "empty",
            errors: [
                "empty.yaml:1:1: the manifest is empty; it has the keys 'node' and 'modules'"
            ]),
        Mistakes(
            fixture: "limits",
            errors: [
                "limits.yaml:2:16: 'max_message' of node is '9MiB', expected 1KiB to 8MiB",
                "limits.yaml:8:28: 'channels_per_client' of presence.memory is '1000001', expected 0 to 1000000",
                "limits.yaml:9:28: 'members_per_channel' of presence.memory is 'many', expected a whole number, 0 to 1000000000",
                "limits.yaml:13:32: 'connections_per_address' of api.http is '-1', expected 0 to 10000000",
                "limits.yaml:14:28: 'denials_per_address' of api.http is '10000001', expected 0 to 10000000",
                """
                limits.yaml:15:25: 'trusted_proxies' of api.http is 'proxy', expected an address or range like \
                192.0.2.1, 10.0.0.0/8 or fd00::/8
                """,
            ]),
        Mistakes(
            fixture: "missing-value",
            errors: [
                "missing-value.yaml:6:10: feature.greeter needs 'text': a text",
                "missing-value.yaml:7:5: a module needs 'use: <id>', 'use: transport.memory' for instance",
            ]),
        Mistakes(
            fixture: "modules-no-list",
            errors: [
                "modules-no-list.yaml:1:10: 'modules' is a list of '- use: <id>'"
            ]),
        Mistakes(
            fixture: "nearly-empty",
            errors: [
                "nearly-empty.yaml:1:1: no gateway module; add '- use: gateway.websocket' to 'modules'",
                "nearly-empty.yaml:1:1: no transport module; add '- use: transport.memory' to 'modules'",
                "nearly-empty.yaml:1:1: no auth module; add '- use: auth.token' to 'modules'",
                "nearly-empty.yaml:1:1: no presence module; add '- use: presence.memory' to 'modules'",
            ]),
        Mistakes(
            fixture: "no-auth",
            errors: [
                "no-auth.yaml:1:1: no auth module; add '- use: auth.token' to 'modules'"
            ]),
        Mistakes(
            fixture: "no-modules",
            errors: [
                "no-modules.yaml:1:1: the manifest has no 'modules'; list what the node is made of"
            ]),
        Mistakes(
            fixture: "not-a-server",
            errors: [
                """
                not-a-server.yaml:2:3: the node's name 'n3' is not among its servers (n1, n2); add it, in the same \
                order on every node
                """
            ]),
        Mistakes(
            fixture: "out-of-range",
            errors: [
                "out-of-range.yaml:1:18: 'threads' of node is '65', expected 0 to 64",
                "out-of-range.yaml:1:34: 'public_url' of node is 'im.example.com', expected a ws:// or wss:// URL",
                "out-of-range.yaml:3:58: 'compression_level' of gateway.websocket is '10', expected 1 to 9",
                """
                out-of-range.yaml:3:85: 'compression_threshold' of gateway.websocket is '2GiB', expected 0 to \
                1GiB
                """,
                "out-of-range.yaml:5:26: 'max_pending' of transport.memory is '0', expected 1 to 100000000",
                "out-of-range.yaml:8:18: 'ttl' of auth.token is '100ms', expected 1s to 24h",
            ]),
        Mistakes(
            fixture: "repeated-names",
            errors: [
                "repeated-names.yaml:1:15: 'name' of node is '', expected a name without blanks",
                "repeated-names.yaml:1:19: 'servers' lists 'n1' twice; each node has a name of its own",
                "repeated-names.yaml:1:41: 'servers' of node is 'n 3', expected a name without blanks",
            ]),
        Mistakes(
            fixture: "proxy-protocol",
            errors: [
                """
                proxy-protocol.yaml:4:30: 'trusted_proxies' of gateway.websocket is 'lb1', expected an address or range like \
                192.0.2.1, 10.0.0.0/8 or fd00::/8
                """,
                """
                proxy-protocol.yaml:4:35: 'proxy_protocol' of gateway.websocket needs 'trusted_proxies', the addresses \
                whose PROXY header is believed
                """,
            ]),
        Mistakes(
            fixture: "several",
            errors: [
                "several.yaml:1:1: no presence module; add '- use: presence.memory' to 'modules'",
                "several.yaml:2:12: 'threads' of node is '-1', expected 0 to 64",
                """
                several.yaml:6:15: 'listen' of gateway.websocket is 'nowhere', expected host:port like \
                127.0.0.1:6001, [::1]:6001 or :6001 for all addresses, or none
                """,
                "several.yaml:7:7: unknown key 'pathh' of gateway.websocket; did you mean 'path'?",
                "several.yaml:8:10: no transport module is named 'kafka'; there are: memory, redis",
                """
                several.yaml:10:18: 'ttl' of auth.token is 'soon', expected a duration like 250ms, 10s, 5m or 1h, 1s \
                to 24h
                """,
            ]),
        Mistakes(
            fixture: "tab",
            errors: [
                "tab.yaml:2:1: not valid YAML: found character that cannot start any token"
            ]),
        Mistakes(
            fixture: "too-many-servers",
            errors: [
                """
                too-many-servers.yaml:1:7: the presence module serves 1 node at most, but 'servers' lists 2; use a \
                presence module for clusters
                """
            ]),
        Mistakes(
            fixture: "two-transports",
            errors: [
                """
                two-transports.yaml:6:10: a node has one transport module, but there are 2: transport.memory, \
                transport.memory/two; keep one
                """
            ]),
        Mistakes(
            fixture: "undefined-variable",
            errors: [
                """
                undefined-variable.yaml:6:18: the environment variable TOKEN_TTL is not set; set it, or give a \
                default: ${TOKEN_TTL:-value}
                """,
                "undefined-variable.yaml:8:24: '${' without '}'; write '$${' for the characters themselves",
            ]),
        Mistakes(
            fixture: "unknown-key",
            errors: [
                "unknown-key.yaml:2:3: unknown key 'nmae' of node; did you mean 'name'?",
                """
                unknown-key.yaml:10:7: unknown key 'receipt_delivred' of feature.direct; did you mean \
                'receipt_delivered'?
                """,
                "unknown-key.yaml:11:1: unknown key 'further'; a manifest has the keys 'node' and 'modules'",
            ]),
        Mistakes(
            fixture: "unknown-module",
            errors: [
                "unknown-module.yaml:6:10: no feature module is named 'chanels'; did you mean 'feature.channels'?",
                "unknown-module.yaml:7:10: no sink module is named 'kafka'; there is none",
                """
                unknown-module.yaml:8:10: unknown role 'gatway' in 'gatway.websocket'; the roles are gateway, \
                transport, auth, presence, message, feature, api, sink
                """,
                "unknown-module.yaml:9:10: 'websocket' is not a module's id, which is role.type or role.type/label",
            ]),
        Mistakes(
            fixture: "unmet-need",
            errors: [
                """
                unmet-need.yaml:6:10: feature.needy needs feature.channels; add '- use: feature.channels' to \
                'modules'
                """,
                """
                unmet-need.yaml:6:10: feature.needy needs a module of the role 'message'; add a module of that role
                """,
            ]),
        Mistakes(
            fixture: "wrong-shape",
            errors: [
                "wrong-shape.yaml:6:5: a module is listed as '- use: <id>', with its keys under 'with:'",
                "wrong-shape.yaml:8:5: unknown key 'wiht'; a module has 'use', and its own keys under 'with'",
                "wrong-shape.yaml:10:11: feature.event_bus is told by a mapping of keys to values",
            ]),
        Mistakes(
            fixture: "wrong-type",
            errors: [
                """
                wrong-type.yaml:5:20: 'max_pending' of transport.memory is 'many', expected a whole number, 1 to \
                100000000
                """,
                """
                wrong-type.yaml:6:18: 'max_burst' of transport.memory must be a single value: a whole number, 1 to \
                1000000
                """,
                """
                wrong-type.yaml:7:24: 'publish_timeout' of transport.memory is '5', expected a duration like 250ms, \
                10s, 5m or 1h, 1ms to 10m
                """,
                "wrong-type.yaml:11:19: 'demo' of api.http is 'yes', expected true or false",
                """
                wrong-type.yaml:11:32: 'listen' of api.http is 'here', expected host:port like 127.0.0.1:6001, \
                [::1]:6001 or :6001 for all addresses, or none
                """,
            ]),
    ]
}
