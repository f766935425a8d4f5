import Foundation
import FreeIMCore

func request(_ token: String?) -> ConnectRequest {
    ConnectRequest(path: "/ws", query: token.map { [("token", $0)] } ?? [], headers: [], peer: nil)
}

/// RFC 7515 §2.
func base64URL(_ text: String) -> String {
    Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}
