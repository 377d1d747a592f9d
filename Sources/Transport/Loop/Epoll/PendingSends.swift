#if os(Linux)
    import CEpoll
    import NIOCore

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    /// Bytes that a socket has not taken yet, in order.
    struct PendingSends {
        enum Outcome {
            /// The pieces of the call went out whole.
            case sent
            /// The kernel took a part, or nothing.
            case partly
            case failed(Int32)
        }

        private struct Piece {
            var bytes: ByteBuffer
            let promise: EventLoopPromise<Void>?
        }

        /// Pieces sent with one system call.
        static let piecesPerCall = 64

        var low = 32 * 1024
        var high = 64 * 1024
        private(set) var bytes = 0
        private var pieces = CircularBuffer<Piece>(initialCapacity: 2)
        private var flushed = 0
        private var kept: [EventLoopPromise<Void>] = []

        var isEmpty: Bool { pieces.isEmpty }
        var hasFlushed: Bool { flushed > 0 }
        var isAboveHigh: Bool { bytes > high }
        var isBelowLow: Bool { bytes < low }

        mutating func add(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
            bytes += buffer.readableBytes
            pieces.append(Piece(bytes: buffer, promise: promise))
        }

        mutating func flush() {
            flushed = pieces.count
        }

        /// Sends with one system call.
        mutating func sendOnce(_ descriptor: Int32) -> Outcome {
            flushed == 1 ? sendFirst(descriptor) : sendSeveral(descriptor)
        }

        /// The promises of what went out since the last call.
        mutating func takeKept() -> [EventLoopPromise<Void>] {
            guard !kept.isEmpty else { return [] }
            defer { kept = [] }
            return kept
        }

        mutating func removeAll() -> [EventLoopPromise<Void>] {
            defer {
                pieces.removeAll()
                flushed = 0
                bytes = 0
            }
            return pieces.compactMap(\.promise)
        }

        private mutating func sendFirst(_ descriptor: Int32) -> Outcome {
            let count = pieces[pieces.startIndex].bytes.withUnsafeReadableBytes { piece in
                piece.isEmpty ? 0 : farebox_send(descriptor, piece.baseAddress, piece.count)
            }
            return account(count, of: 1)
        }

        private mutating func sendSeveral(_ descriptor: Int32) -> Outcome {
            let count = min(flushed, Self.piecesPerCall)
            let sent = withUnsafeTemporaryAllocation(of: farebox_piece.self, capacity: count) { vectors in
                for index in 0..<count {
                    // The storage outlives the call, as the queue holds it.
                    pieces[pieces.index(pieces.startIndex, offsetBy: index)].bytes.withUnsafeReadableBytes { piece in
                        vectors[index] = farebox_piece(bytes: piece.baseAddress, count: piece.count)
                    }
                }
                return farebox_send_pieces(descriptor, vectors.baseAddress, count)
            }
            return account(sent, of: count)
        }

        /// Takes out what was sent.
        private mutating func account(_ count: Int, of tried: Int) -> Outcome {
            guard count >= 0 else {
                let code = Int32(-count)
                return code == EAGAIN ? .partly : .failed(code)
            }
            bytes -= count
            var left = count
            for _ in 0..<tried {
                let size = pieces[pieces.startIndex].bytes.readableBytes
                guard size <= left else {
                    pieces[pieces.startIndex].bytes.moveReaderIndex(forwardBy: left)
                    return .partly
                }
                left -= size
                flushed -= 1
                if let promise = pieces.removeFirst().promise { kept.append(promise) }
            }
            return .sent
        }
    }
#endif
