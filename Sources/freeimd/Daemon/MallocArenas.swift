#if canImport(Glibc)
    import CMalloc
#endif

/// How many arenas glibc's `malloc` may make: as many as there are event loops.
///
/// Left alone it makes one for each thread. Only the first grows by large steps; every other one asks the kernel for each page
/// by `mprotect(2)` and gives pages back as soon as its end is free, which costs up to a tenth of a message's CPU.
enum MallocArenas {
    /// Whoever starts the process has chosen already; see mallopt(3) and glibc's tunables.
    static let choices = ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"]

    /// To be called before the loops' threads start: a thread keeps the arena that it has.
    static func limit(to eventLoops: Int, environment: [String: String]) {
        #if canImport(Glibc)
            guard !choices.contains(where: { environment[$0] != nil }) else { return }
            mallopt(M_ARENA_MAX, Int32(clamping: max(1, eventLoops)))
        #endif
    }
}
