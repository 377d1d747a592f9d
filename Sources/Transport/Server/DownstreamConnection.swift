/// A client's connection as its loop watches it, whatever protocol it speaks.
class DownstreamConnection: Deadlined {
    /// Closes once nothing is under way; what is under way may end.
    func drain() {}

    /// Closes in the middle of whatever the connection does.
    func breakOff(_ reason: StreamClosure) {}
}
