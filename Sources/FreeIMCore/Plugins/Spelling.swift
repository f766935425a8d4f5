/// Finds the word that was probably meant.
package enum Spelling {
    /// The nearest of `words`; nil where none is near: more than a third of the letters would have to change.
    package static func nearest(to word: String, of words: [String]) -> String? {
        let ranked = words.map { ($0, distance(word, $0)) }
        guard let (best, distance) = ranked.min(by: { $0.1 < $1.1 }) else { return nil }
        return distance <= (word.count + 2) / 3 ? best : nil
    }

    /// Insertions, deletions and replacements that turn one word into the other (Levenshtein, 1966).
    private static func distance(_ first: String, _ second: String) -> Int {
        let second = Array(second)
        var row = Array(0...second.count)
        for (line, letter) in first.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, other) in second.enumerated() {
                let replaced = diagonal + (letter == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
            }
        }
        return row[second.count]
    }
}
