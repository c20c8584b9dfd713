// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who answers for an IP address at this instant: what ARP and routes would find. Looked up for every packet,
// so a flat table instead of a Dictionary.

import NetworkTypes
import Traffic

/// Open addressing with linear probing; an address that lost its owner stays as an empty owner.
struct AddressBook: ~Copyable {
  private var keys: UnsafeMutablePointer<UInt32>
  private var owners: UnsafeMutablePointer<HostReference>
  private var mask: Int
  private var filled = 0

  init() {
    mask = 255
    keys = .allocate(capacity: 256)
    owners = .allocate(capacity: 256)
    keys.initialize(repeating: 0, count: 256)
    owners.initialize(repeating: .none, count: 256)
  }
  deinit {
    keys.deallocate()
    owners.deallocate()
  }

  @inline(__always) func owner(of address: IPv4Address) -> HostReference {
    var i = home(address.bits)
    while keys[i] != address.bits {
      if keys[i] == 0 { return .none }
      i = (i + 1) & mask
    }
    return owners[i]
  }

  mutating func assign(_ address: IPv4Address, to owner: HostReference) {
    precondition(address.bits != 0, "0.0.0.0 cannot be owned")
    if (filled + 1) * 2 > mask { grow() }
    var i = home(address.bits)
    while keys[i] != 0, keys[i] != address.bits { i = (i + 1) & mask }
    if keys[i] == 0 { filled += 1 }
    keys[i] = address.bits
    owners[i] = owner
  }

  /// Takes the address from `owner`; does nothing if another owns it by now.
  mutating func release(_ address: IPv4Address, from owner: HostReference) {
    if self.owner(of: address) == owner { assign(address, to: .none) }
  }

  @inline(__always) private func home(_ bits: UInt32) -> Int {
    Int(truncatingIfNeeded: (UInt64(bits) &* 0x9e37_79b9_7f4a_7c15) >> 40) & mask
  }

  private mutating func grow() {
    let oldKeys = keys
    let oldOwners = owners
    let old = mask + 1
    mask = old * 2 - 1
    keys = .allocate(capacity: mask + 1)
    owners = .allocate(capacity: mask + 1)
    keys.initialize(repeating: 0, count: mask + 1)
    owners.initialize(repeating: .none, count: mask + 1)
    for i in 0..<old where oldKeys[i] != 0 {
      var j = home(oldKeys[i])
      while keys[j] != 0 { j = (j + 1) & mask }
      keys[j] = oldKeys[i]
      owners[j] = oldOwners[i]
    }
    oldKeys.deallocate()
    oldOwners.deallocate()
  }
}
