// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random draws beside those of GSL's taus2 in the same process: nanoseconds of user CPU time each.

import CStockGSL
import SimKernel
import SimRandom

enum Draws {
  /// Prints one line per kind of draw: ours, taus2's, ratio.
  static func measure(count n: Int) {
    guard let taus2 = bench_taus2() else { preconditionFailure("no memory for a generator") }
    defer { gsl_rng_free(taus2) }
    let key = RandomKey(seed: 1, replication: 0, purpose: RandomPurpose("bench"), entity: 0)
    var stream = RandomStream(key: key)
    let exponential = Sampler(.exponential(mean: 1))
    var bits: UInt64 = 0
    var sum = 0.0
    // Stock generators give 32 bits a call, ours 64: two calls make up one of ours.
    line("64 bits", n, { bits &+= stream.next() }) {
      bits &+= UInt64(gsl_rng_get(taus2)) << 32 | UInt64(gsl_rng_get(taus2))
    }
    line("uniform", n, { sum += stream.uniform() }) { sum += gsl_rng_uniform(taus2) }
    line("exponential", n, { sum += exponential.draw(&stream) }) { sum += gsl_ran_exponential(taus2, 1) }
    var ordinal: UInt64 = 0
    line(
      "keyed draw", n,
      {
        ordinal &+= 1
        var fresh = RandomStream(key: key, counter: ordinal << 4)
        bits &+= fresh.next()
      }
    ) { bits &+= UInt64(gsl_rng_get(taus2)) << 32 | UInt64(gsl_rng_get(taus2)) }
    // Printed so that the work cannot be left out.
    print("check=\(bits & 1)\(sum > 0)")
  }

  private static func line(_ name: String, _ n: Int, _ ours: () -> Void, _ theirs: () -> Void) {
    let a = time(n, ours)
    let b = time(n, theirs)
    func short(_ x: Double) -> Double { (x * 100).rounded() / 100 }
    print("draw,\(name),ours_ns=\(short(a)),taus2_ns=\(short(b)),ratio=\(short(a / b))")
  }

  private static func time(_ n: Int, _ body: () -> Void) -> Double {
    let before = Usage.userSeconds()
    for _ in 0..<n { body() }
    return (Usage.userSeconds() - before) / Double(n) * 1e9
  }
}
