/// The repository's `plugins.yaml`, in the binary.
enum EmbeddedManifest {
    static var text: String { String(decoding: PackageResources.plugins_yaml, as: UTF8.self) }
}
