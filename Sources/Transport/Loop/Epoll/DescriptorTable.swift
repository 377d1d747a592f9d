/// Who is watched by a loop, by descriptor.
///
/// A token is a descriptor and how often its number was used before, so that what the kernel still has to say of a
/// closed descriptor does not reach the next owner of its number. Token 0 is nobody's.
struct DescriptorTable<Owner: AnyObject> {
    private struct Slot {
        var owner: Owner?
        var generation: UInt32 = 0
    }

    private var slots: [Slot] = []

    /// Returns the owner's token.
    mutating func add(_ owner: Owner, at descriptor: Int32) -> UInt64 {
        let index = Int(descriptor)
        while slots.count <= index { slots.append(Slot()) }
        slots[index].owner = owner
        slots[index].generation &+= 1
        if slots[index].generation == 0 { slots[index].generation = 1 }
        return token(of: descriptor)
    }

    /// The token of the last owner of a descriptor that had one.
    func token(of descriptor: Int32) -> UInt64 {
        UInt64(slots[Int(descriptor)].generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    }

    func owner(_ token: UInt64) -> Owner? {
        let index = Int(token & 0xffff_ffff)
        guard index < slots.count, slots[index].generation == UInt32(token >> 32) else { return nil }
        return slots[index].owner
    }

    /// Returns whether the owner was in.
    @discardableResult
    mutating func remove(_ owner: Owner, at descriptor: Int32) -> Bool {
        let index = Int(descriptor)
        guard index < slots.count, slots[index].owner === owner else { return false }
        slots[index].owner = nil
        return true
    }

    var all: [Owner] { slots.compactMap(\.owner) }
}
