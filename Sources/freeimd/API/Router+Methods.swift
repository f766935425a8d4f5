import Hummingbird

extension Router {
    /// Answers 405, with the methods that there are, on paths whose routes have been added.
    func refuseOtherMethods() {
        var allowed: [String: (path: RouterPath, methods: Set<HTTPRequest.Method>)] = [:]
        for route in routes {
            allowed[route.path.description, default: (route.path, [])].methods.insert(route.method)
        }
        let all: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options, .trace]
        for (path, methods) in allowed.values {
            // The router makes HEAD from GET.
            let methods = methods.contains(.get) ? methods.union([.head]) : methods
            let names = methods.map(\.rawValue).sorted()
            for method in all where !methods.contains(method) {
                on(path, method: method) { request, _ -> Response in
                    throw APIFault.methodNotAllowed(request.method, allowed: names)
                }
            }
        }
    }
}
