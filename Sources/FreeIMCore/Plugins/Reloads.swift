/// A module that can read again, while it runs, what lies outside the manifest: the files of certificates for instance.
///
/// `freeimd` asks every gateway, transport, hook and feature that adopts it, on SIGHUP. A program that embeds a node asks
/// its modules by itself, whenever it likes.
public protocol Reloads: Sendable {
    /// Takes over what is there now, without interrupting anyone.
    ///
    /// - Throws: what is wrong, with the remedy; what was read before stays in use then.
    func reload() async throws(ModuleError)
}
