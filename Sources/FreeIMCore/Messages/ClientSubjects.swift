/// The names under which clients live, made once; see ``NodeIdentity/subjects(for:)``.
package struct ClientSubjects: Sendable {
    /// Of what belongs to no client.
    package let first: Subjects
    private let numbers: Subjects
    private let guids: Subjects

    package init(_ identity: NodeIdentity) {
        first = identity.subjects
        numbers = identity.subjects(for: 1)
        guids = identity.subjects(for: .emptyGUID)
    }

    package subscript(client: ClientID) -> Subjects {
        if case .guid = client.kind { guids } else { numbers }
    }
}
