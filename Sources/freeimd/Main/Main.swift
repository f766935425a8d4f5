import FreeIMDaemon

@main
struct Main {
    static func main() async {
        await Freeimd.main()
    }
}
