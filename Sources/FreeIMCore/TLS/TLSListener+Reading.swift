import FoundationEssentials

/// The keys of a manifest that tell of a TLS listener.
enum TLSKey {
    static let listen = "tls_listen"
    static let certificate = "tls_certificate"
    static let key = "tls_key"
    static let minimumVersion = "tls_minimum_version"
    static let clientAuthority = "tls_client_ca"
    static let clientCertificates = "tls_client_certificates"
}

extension Section {
    /// Reads where a module listens: `listen`, with `none` for nowhere, and the keys of a TLS listener beside it or in its
    /// place, with their files.
    ///
    /// - Parameters:
    ///   - purpose: what the listener is for, `Where terminals connect` for instance.
    ///   - asksClients: whether the listener can be told to ask for certificates.
    package mutating func readListeners(
        into listen: inout ListenAddress?, _ tls: inout TLSListener?, _ purpose: String, asksClients: Bool = false
    ) {
        let problemsBefore = problemCount
        var setting = ListenSetting(address: listen)
        read("listen", into: &setting, "\(purpose), host:port; none: only over TLS.")
        listen = setting.address
        tls = readTLS(purpose, asksClients: asksClients)
        guard problemCount == problemsBefore else { return }
        guard let tls else {
            if listen == nil {
                problem(
                    "'listen' of \(owner) is none, so it listens nowhere; set 'tls_listen', or an address here",
                    at: "listen")
            }
            return
        }
        if tls.listen == listen, tls.listen.port != 0 {
            problem("'tls_listen' of \(owner) is the address of 'listen'; choose another port", at: TLSKey.listen)
        }
        readFiles(of: tls)
    }

    private mutating func readTLS(_ purpose: String, asksClients: Bool) -> TLSListener? {
        let problemsBefore = problemCount
        var files: [(key: String, path: String?)] = []
        var listen: ListenAddress?
        read(TLSKey.listen, into: &listen, "\(purpose) over TLS, host:port; by default nowhere.")
        let isMistaken = problemCount > problemsBefore
        let certificate = readFile(
            TLSKey.certificate, "PEM file of the certificate, and those between it and its authority behind it.", &files
        )
        let key = readFile(TLSKey.key, "PEM file of the certificate's private key, without a passphrase.", &files)
        var version = TLSListener.Version.v1_2
        read(TLSKey.minimumVersion, into: &version, "The oldest version of TLS that is spoken.")
        var authority: String?
        var demand: TLSListener.ClientCertificates?
        if asksClients {
            authority = readFile(
                TLSKey.clientAuthority, "PEM file of the authorities that sign clients' certificates.", &files)
            read(
                TLSKey.clientCertificates, into: &demand,
                "Whether clients need a certificate; they do where 'tls_client_ca' is set.")
        }
        guard let listen else {
            if !isMistaken, let unused = files.first(where: { $0.path != nil })?.key {
                problem("'\(unused)' of \(owner) is for TLS; say where with 'tls_listen', or leave it out", at: unused)
            }
            return nil
        }
        if demand != nil, authority == nil {
            problem(
                """
                '\(TLSKey.clientCertificates)' of \(owner) needs '\(TLSKey.clientAuthority)', a PEM file of the authorities \
                that sign clients' certificates
                """, at: TLSKey.clientCertificates)
        }
        guard let certificate, let key else {
            let missing = certificate == nil ? TLSKey.certificate : TLSKey.key
            problem("'tls_listen' of \(owner) needs '\(missing)', a PEM file, beside it", at: TLSKey.listen)
            return nil
        }
        var tls = TLSListener(listen: listen, certificateFile: certificate, keyFile: key)
        tls.minimumVersion = version
        tls.clientAuthorityFile = authority
        tls.clientCertificates = demand ?? tls.clientCertificates
        return tls
    }

    private mutating func readFile(
        _ key: String, _ meaning: String, _ files: inout [(key: String, path: String?)]
    ) -> String? {
        var path: String?
        read(key, into: &path, .custom("a file's path") { !$0.isEmpty }, meaning)
        files.append((key, path))
        return path
    }

    /// What the files hold is as much a part of what the module is told as their names.
    private mutating func readFiles(of tls: TLSListener) {
        let now = Date.now
        do throws(TLSProblems) {
            let material = try TLSMaterial(tls, now: now)
            if let warning = material.warning(now: now) { warn(warning.text(of: owner), at: warning.key) }
        } catch {
            for problem in error.problems { self.problem(problem.text(of: owner), at: problem.key) }
        }
    }
}

/// `listen` of a manifest.
private struct ListenSetting: SectionValue {
    /// nil: nowhere.
    var address: ListenAddress?

    static var expectation: String { "\(ListenAddress.expectation), or none" }

    init(address: ListenAddress?) {
        self.address = address
    }

    init?(sectionText: String) {
        guard sectionText != "none" else { return }
        guard let address = ListenAddress(sectionText: sectionText) else { return nil }
        self.address = address
    }

    var sectionText: String { address?.sectionText ?? "none" }
}
