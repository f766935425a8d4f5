/// A listener that speaks TLS: where, with which certificate, and whom it lets in.
public struct TLSListener: Sendable, Equatable {
    /// Versions of TLS; those before are not to be used (RFC 8996).
    public enum Version: String, Sendable, CaseIterable {
        case v1_2 = "1.2"
        case v1_3 = "1.3"
    }

    /// What becomes of clients without a certificate. A certificate that none of the authorities signed is refused.
    public enum ClientCertificates: String, Sendable, CaseIterable {
        case required
        case optional
    }

    /// Port 0 takes a free one.
    public var listen: ListenAddress
    /// A PEM file: the listener's own certificate, then those between it and the authority that clients know.
    public var certificateFile: String
    /// A PEM file with the certificate's private key, without a passphrase.
    public var keyFile: String
    /// The oldest version that is spoken.
    public var minimumVersion = Version.v1_2
    /// A PEM file of the authorities that sign the certificates of clients; nil: clients are not asked.
    public var clientAuthorityFile: String?
    /// Of no meaning without ``clientAuthorityFile``.
    public var clientCertificates = ClientCertificates.required

    public init(listen: ListenAddress, certificateFile: String, keyFile: String) {
        self.listen = listen
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}

extension TLSListener.Version: SectionValue {}
extension TLSListener.ClientCertificates: SectionValue {}
