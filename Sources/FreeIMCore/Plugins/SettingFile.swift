import FoundationEssentials

/// A file that a manifest names.
package enum SettingFile {
    /// Reads it whole; blocks as long as that takes.
    package static func read(_ path: String) throws(SettingFileError) -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(filePath: path)))
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            throw SettingFileError("there is no file \(path); put it there, or name another")
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw SettingFileError("\(path) cannot be read: no permission; let the user of freeimd read it")
        } catch {
            var isFolder = false
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder {
                throw SettingFileError("\(path) is a folder; name the file in it")
            }
            throw SettingFileError("\(path) cannot be read: \(error); name another file")
        }
    }
}

/// What is wrong with a file.
package struct SettingFileError: Error {
    /// Names the file and the remedy.
    package let message: String

    package init(_ message: String) {
        self.message = message
    }
}
