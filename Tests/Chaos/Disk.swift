import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A file system of a megabyte, which can be full.
struct Disk {
    private let directory: String

    /// nil where it cannot be mounted.
    init?(at directory: String) {
        #if canImport(Glibc)
            guard
                (try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)) != nil,
                mount("none", directory, "tmpfs", 0, "size=1m") == 0
            else { return nil }
            self.directory = directory
        #else
            return nil
        #endif
    }

    var logFile: String { "\(directory)/node.log" }

    func fill(_ isFull: Bool) {
        let filling = "\(directory)/filling"
        guard isFull else { return unlink(filling) == 0 ? () : say("the full disk cannot be emptied") }
        let file = open(filling, O_WRONLY | O_CREAT, 0o600)
        let bytes = [UInt8](repeating: 0, count: 4_096)
        while write(file, bytes, bytes.count) > 0 {}
        close(file)
        // The rest of the log's last page.
        let log = open(logFile, O_WRONLY | O_APPEND)
        while write(log, [UInt8(ascii: "\n")], 1) > 0 {}
        close(log)
    }

    func unmount() {
        #if canImport(Glibc)
            umount2(directory, Int32(MNT_DETACH))
        #endif
    }
}
