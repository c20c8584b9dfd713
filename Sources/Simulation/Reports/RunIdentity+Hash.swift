// SPDX-License-Identifier: GPL-3.0-or-later
//
// run_id: which scenario, seed and version gave these rows. Never of time, place or number of jobs.

extension RunIdentity {
  /// 16 hex digits: FNV-1a over the scenario's hash, the seed and the version, finished so that close inputs
  /// differ in every digit.
  public static func runID(
    scenarioHash: UInt64, seed: UInt64, version: String = SimulationRun.version
  ) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    for word in [scenarioHash, seed] {
      for shift in stride(from: 0, to: 64, by: 8) { take(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }
    version.utf8.forEach(take)
    // The finaliser of MurmurHash3 (public domain): FNV alone leaves high digits of similar inputs alike.
    hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
    hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    return Hexadecimal.digits(hash ^ (hash >> 33))
  }
}
