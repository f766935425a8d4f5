import FoundationEssentials
import NIOCore
import NIOSSL

/// What the files of a TLS listener hold, checked.
struct TLSMaterial {
    /// For the handshakes from now on.
    let context: NIOSSLContext
    /// When the first certificate of the chain ends.
    let end: Date
    private let certificateFile: String

    /// What is left of a certificate's time when a warning is due; an authority's usual time to renew by itself.
    private static let warningTime = 30 * 86_400.0

    /// Reads the files.
    ///
    /// - Throws: everything that is wrong with them; never a part of the key.
    init(_ listener: TLSListener, now: Date) throws(TLSProblems) {
        var problems = TLSProblems()
        certificateFile = listener.certificateFile
        let chain = problems.gather { () throws(TLSProblem) in
            try Self.certificates(TLSKey.certificate, listener.certificateFile, now, all: true)
        }
        let key = problems.gather { () throws(TLSProblem) in try Self.key(listener.keyFile) }
        let authorities = problems.gather { () throws(TLSProblem) in
            try listener.clientAuthorityFile.map { file throws(TLSProblem) in
                try Self.certificates(TLSKey.clientAuthority, file, now, all: false)
            }
        }
        guard let chain, let key, let authorities else { throw problems }
        end = chain.map(\.end).min() ?? now
        var settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        settings.minimumTLSVersion =
            switch listener.minimumVersion {
            case .v1_2: .tlsv12
            case .v1_3: .tlsv13
            }
        settings.applicationProtocols = ["http/1.1"]
        // Who is cut does not take leave.
        settings.shutdownTimeout = .milliseconds(500)
        if let authorities {
            settings.trustRoots = .certificates(authorities)
            settings.sendCANameList = true
            settings.certificateVerification =
                switch listener.clientCertificates {
                case .required: .noHostnameVerification
                case .optional: .optionalVerification
                }
        }
        do {
            context = try NIOSSLContext(configuration: settings)
        } catch NIOSSLError.failedToLoadPrivateKey {
            problems.problems.append(
                TLSProblem(
                    TLSKey.key,
                    """
                    the key in \(listener.keyFile) does not fit the certificate in \(listener.certificateFile); name the \
                    key that belongs to it, and let the listener's own certificate be the first of its file
                    """))
            throw problems
        } catch {
            problems.problems.append(
                TLSProblem(
                    TLSKey.certificate,
                    "the certificate in \(listener.certificateFile) cannot be used: \(error); make another one"))
            throw problems
        }
    }

    /// That the certificate ends soon.
    func warning(now: Date) -> TLSProblem? {
        guard end.timeIntervalSince(now) < Self.warningTime else { return nil }
        return TLSProblem(
            TLSKey.certificate,
            "the certificate in \(certificateFile) ends at \(end.formatted(.iso8601)), within 30 days; renew it in time"
        )
    }

    // MARK: The files

    /// - Parameter all: whether each has to be valid now, or one is enough.
    private static func certificates(
        _ key: String, _ file: String, _ now: Date, all: Bool
    ) throws(TLSProblem) -> [NIOSSLCertificate] {
        let bytes = try read(key, file)
        let certificates: [NIOSSLCertificate]
        do {
            certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch {
            throw TLSProblem(
                key,
                "\(file) holds no certificates in PEM, which begin with '-----BEGIN CERTIFICATE-----'; name another file"
            )
        }
        let ended = certificates.filter { $0.end <= now }
        if let first = ended.first, all || ended.count == certificates.count {
            throw TLSProblem(
                key, "the certificate in \(file) ended at \(first.end.formatted(.iso8601)); put a new one there")
        }
        if all, let early = certificates.first(where: { $0.start > now }) {
            throw TLSProblem(
                key,
                """
                the certificate in \(file) is not valid before \(early.start.formatted(.iso8601)); wait for it, or set the \
                machine's clock
                """)
        }
        return certificates
    }

    private static func key(_ file: String) throws(TLSProblem) -> NIOSSLPrivateKey {
        let bytes = try read(TLSKey.key, file)
        // `ENCRYPTED PRIVATE KEY` of PKCS #8 (RFC 7468 §11), or `Proc-Type: 4,ENCRYPTED` (RFC 1421 §4.6.1.1).
        if bytes.firstRange(of: Array("ENCRYPTED".utf8)) != nil {
            throw TLSProblem(
                TLSKey.key,
                "the key in \(file) has a passphrase; write it without, by 'openssl pkey', for freeimd alone to read")
        }
        do {
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
        } catch {
            throw TLSProblem(
                TLSKey.key,
                "\(file) holds no private key in PEM, which begins with '-----BEGIN PRIVATE KEY-----'; name another file"
            )
        }
    }

    private static func read(_ key: String, _ file: String) throws(TLSProblem) -> [UInt8] {
        do throws(SettingFileError) {
            return try SettingFile.read(file)
        } catch {
            throw TLSProblem(key, error.message)
        }
    }
}

/// Something wrong with a file.
struct TLSProblem: Error {
    /// The key of the manifest that names the file.
    let key: String
    /// Names the file and the remedy.
    let message: String

    init(_ key: String, _ message: String) {
        self.key = key
        self.message = message
    }

    func text(of owner: String) -> String { "'\(key)' of \(owner): \(message)" }
}

struct TLSProblems: Error {
    var problems: [TLSProblem] = []

    /// nil where there is a problem.
    fileprivate mutating func gather<Value>(_ body: () throws(TLSProblem) -> Value) -> Value? {
        do throws(TLSProblem) {
            return try body()
        } catch {
            problems.append(error)
            return nil
        }
    }
}

extension NIOSSLCertificate {
    fileprivate var start: Date { Date(timeIntervalSince1970: Double(notValidBefore)) }
    fileprivate var end: Date { Date(timeIntervalSince1970: Double(notValidAfter)) }
}
