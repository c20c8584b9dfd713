// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one kubelet keeps for its node: images, when it may send the next request, how far an orderly shutdown
// has got.

import SimKernel

/// The images on a node and the pulls under way.
struct NodeImages: Sendable {
  /// From when on each image is there.
  private var presentFrom: [String: SimTime] = [:]
  /// When the last of the pulls that wait in line will be done.
  private var lineEnds = SimTime.zero

  func has(_ image: String, at time: SimTime) -> Bool { presentFrom[image].map { $0 <= time } ?? false }

  mutating func add(_ image: String, at time: SimTime) {
    presentFrom[image] = min(presentFrom[image] ?? time, time)
  }

  /// - Returns: when the image will be there, if it is asked for at `time` and its pull takes so long.
  mutating func pull(_ image: String, at time: SimTime, takes: SimDuration, inLine: Bool) -> SimTime {
    // Somebody else's pull of it serves for this one too.
    if let under = presentFrom[image] { return max(under, time) }
    let done = (inLine ? max(time, lineEnds) : time) + takes
    lineEnds = max(lineEnds, done)
    presentFrom[image] = done
    return done
  }
}

/// The kubelet's client and its one worker that writes statuses (k/k pkg/kubelet/status syncBatch): an update
/// is a GET and a PATCH, one after the other, within the rate limit of client-go's token bucket.
struct StatusWriter: Sendable {
  static let requestsPerUpdate: Int64 = 2
  private var isFreeAt = SimTime.zero
  /// When the bucket would be empty had it no depth.
  private var spentUntil = SimTime.zero

  /// - Returns: when an update that is wanted now will be in the API.
  mutating func write(at now: SimTime, takes: SimDuration, qps: Int, burst: Int) -> SimTime {
    let interval = SimDuration(nanoseconds: 1_000_000_000 / Int64(max(1, qps)))
    let begin = max(now, isFreeAt)
    spentUntil = max(spentUntil, begin) + interval * Self.requestsPerUpdate
    let allowed = max(begin, spentUntil - interval * Int64(max(1, burst)))
    isFreeAt = allowed + takes
    return isFreeAt
  }
}

/// An orderly shutdown that the kubelet takes part in (KEP-2000).
struct GracefulShutdown: Sendable, Equatable {
  var downFor: SimDuration
  /// Critical pods are asked to end now; the others were before.
  var isAtCriticalPods = false
}
