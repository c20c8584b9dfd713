// SPDX-License-Identifier: GPL-3.0-or-later
//
// When TCP sends again what was not answered.

import SimKernel

// Constants are computed: a stored one costs a look at whether it is initialised with each use.
public enum Retransmission {
  /// Initial SYN timeout: 1 s (tcp(7), FACTS E3).
  public static var initialSyn: SimDuration { .seconds(1) }
  /// tcp_syn_retries: 6 further SYNs after the linear ones (FACTS E3).
  public static var synRetries: Int { 6 }
  /// Initial retransmission timeout of an established connection, and its ceiling (FACTS E4).
  public static var initialData: SimDuration { .milliseconds(200) }
  public static var ceiling: SimDuration { .seconds(120) }
  /// tcp_retries2 (FACTS E4).
  public static var dataRetries: Int { 15 }

  /// Time from the n-th SYN (0 = the first) to the next one; nil when there is none any more.
  /// With `linear` timeouts (tcp_syn_linear_timeouts, Linux ≥ 6.5) the first ones stay 1 s apart:
  /// 1, 2, 3, 4, 5, 7, 11, 19, 35, 67 s; without: 1, 3, 7, 15, 31, 63 s (FACTS E3).
  public static func afterSyn(_ n: Int, linear: Int, retries: Int = synRetries) -> SimDuration? {
    guard n < retries + linear else { return nil }
    let doublings = max(0, n - linear)
    return min(initialSyn * (1 << Int64(min(doublings, 20))), ceiling)
  }

  /// Time from the n-th transmission of data (0 = the first) to the next one; nil when TCP gives up.
  public static func afterData(_ n: Int, retries: Int = dataRetries) -> SimDuration? {
    guard n < retries else { return nil }
    return min(initialData * (1 << Int64(min(n, 20))), ceiling)
  }
}
