// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ages as kubectl writes them: two units while the larger one is small, one later on. Rules of k/k staging
// `apimachinery/pkg/util/duration`.

import SimKernel

/// A span in kubectl's short form: `47s`, `2m3s`, `98s`, `5m52s`, `3h5m`, `2d4h`.
public func humanDuration(_ span: SimDuration) -> String {
  // Go truncates toward zero.
  let seconds = span.nanoseconds / 1_000_000_000
  if seconds < -1 { return "<invalid>" }
  if seconds < 0 { return "0s" }
  if seconds < 120 { return "\(seconds)s" }
  let minutes = seconds / 60
  if minutes < 10 { return pair(minutes, "m", seconds % 60, "s") }
  if minutes < 180 { return "\(minutes)m" }
  let hours = minutes / 60
  if hours < 8 { return pair(hours, "h", minutes % 60, "m") }
  if hours < 48 { return "\(hours)h" }
  let days = hours / 24
  if hours < 24 * 8 { return pair(days, "d", hours % 24, "h") }
  if days < 365 * 2 { return "\(days)d" }
  if days < 365 * 8 { return pair(days / 365, "y", days % 365, "d") }
  return "\(days / 365)y"
}

private func pair(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
  small == 0 ? "\(large)\(largeUnit)" : "\(large)\(largeUnit)\(small)\(smallUnit)"
}
