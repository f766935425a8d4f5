/// How long a portion of work holds up the next one, so that in a burst each carries many items.
///
/// The pause grows with the portion. What comes one by one is never held up; faster than ``itemsPerSecond``, more come
/// in a pause than the portion before had, and the pauses grow up to ``longest``.
package enum BurstPace {
    /// Slower than this, hardly anything is gathered; a higher rate would gather less of a burst. A lower one would slow
    /// down those who wait for each other's answers, a few dozen handshakes at a time for one.
    private static let itemsPerSecond = 5_000
    /// What a terminal that connects hardly notices. At 10,000 connects a second, 200 of them share a portion.
    package static let longest = Duration.milliseconds(20)

    /// From the moment at which the portion went out.
    package static func pause(after count: Int) -> Duration {
        min(.seconds(1) * count / itemsPerSecond, longest)
    }
}
