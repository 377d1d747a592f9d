import NIOCore

/// The connections that carry several requests.
extension UpstreamPool {
    /// Takes a connection of HTTP/2 that has just been made.
    func connected(_ connection: UpstreamHTTP2Connection, for request: UpstreamRequest?) {
        guard connection.isOpen else {
            request?.fail(.closedBeforeResponse)
            return balance()
        }
        connection.start()
        shared.append(connection)
        if let request, request.isActive { connection.begin(request) }
        foundRoom(connection)
    }

    /// Gives requests that wait to a connection that may have room, or ends one that nobody needs.
    func foundRoom(_ connection: UpstreamHTTP2Connection) {
        while !waiting.isEmpty, connection.hasRoom, let request = nextWaiting() { connection.begin(request) }
        if connection.isIdle, isClosed || isDraining { connection.retire() }
        balance()
    }

    /// Takes a connection out of use; what it carries goes on.
    func retired(_ connection: UpstreamHTTP2Connection) {
        if let index = shared.firstIndex(where: { $0 === connection }) { shared.remove(at: index) }
    }

    /// Sends a request again that a connection has failed.
    func resend(_ request: UpstreamRequest) {
        request.carrier = nil
        request.resends += 1
        carry(request, on: nil)
    }
}
