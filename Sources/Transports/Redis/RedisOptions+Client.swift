public import FreeIMCore
public import RedisClient

extension RedisOptions {
    /// What the client has to know.
    ///
    /// - Throws: ``ModuleError/Code/invalidValue`` with the key that is wrong; never with a password.
    public func clientConfiguration() throws(ModuleError) -> RedisClientConfiguration {
        do {
            return try checked()
        } catch {
            throw ModuleError(.invalidValue, "'\(error.key)' \(error.text)")
        }
    }

    /// Something wrong with the URL, or with what does not go with it.
    struct Problem: Error {
        let key: String
        /// Completes "'key' ...".
        let text: String
    }

    func checked() throws(Problem) -> RedisClientConfiguration {
        var configuration: RedisClientConfiguration
        do {
            configuration = try RedisClientConfiguration(url: url)
        } catch {
            throw Problem(key: "url", text: "is wrong: \(error.message)")
        }
        try checkTLS(isEncrypted: configuration.tls != nil)
        configuration.tls?.caFile = caFile
        configuration.tls?.certificateFile = certificateFile
        configuration.tls?.keyFile = keyFile
        configuration.tls?.serverName = serverName
        configuration.clientName = clientName.isEmpty ? nil : clientName
        configuration.connectTimeout = connectTimeout
        configuration.commandTimeout = commandTimeout
        configuration.keepAlive = keepAlive
        configuration.peerTimeout = peerTimeout
        configuration.maxInFlight = maxInFlight
        configuration.maxWaiting = maxWaiting
        configuration.maxWaitingBytes = maxWaitingBytes.bytes
        return configuration
    }

    private func checkTLS(isEncrypted: Bool) throws(Problem) {
        let keys = [
            ("ca_file", caFile), ("certificate_file", certificateFile), ("key_file", keyFile),
            ("server_name", serverName),
        ]
        if !isEncrypted, let (key, _) = keys.first(where: { $0.1 != nil }) {
            throw Problem(key: key, text: "is for TLS; begin the 'url' with rediss://, or leave it out")
        }
        if certificateFile == nil, keyFile != nil {
            throw Problem(key: "key_file", text: "needs 'certificate_file' beside it")
        }
        if keyFile == nil, certificateFile != nil {
            throw Problem(key: "certificate_file", text: "needs 'key_file' beside it")
        }
    }
}
