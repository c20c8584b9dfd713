// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is written down while a run goes on about who learned of what and when: a few words per change of the
// cluster and per sync, nothing per packet.

import Cluster
import NetworkTypes
import Proxy
import SimKernel

/// Asked when a connection is lost.
struct LagQuestion {
  /// What was late.
  enum Subject {
    /// The pod that DNS, the API, a slice or the table still had, and since when it did not serve.
    case leaving(PodID, reality: SimTime)
    /// A pod that serves, and the API does not know.
    case coming(PodID)
    /// A slice with a new endpoint that the table lacks.
    case comingSlice
    /// A node's new address: for peers' routes, or (−1) for whoever reads it from the Node object.
    case address(of: Int, peer: Int)
  }
  /// Index in the recorder's list of lost connections.
  var row: Int
  var service: ServiceID
  /// Whose table; −1: none was asked.
  var node: Int
  var subject: Subject
  var lostAt: SimTime
}

struct LagBook {
  struct SliceWrite: BitwiseCopyable {
    var at: SimTime
    var revision: UInt32
    /// Among the writes of all Services.
    var ordinal: Int
  }
  struct Sync: BitwiseCopyable {
    var start: SimTime
    var end: SimTime
    /// Of the slices that it programmed.
    var revision: UInt32
  }
  /// In order of time.
  private(set) var writes: [SliceWrite] = []
  /// By ServiceID.
  private(set) var sliceWrites: [[SliceWrite]] = []
  /// By NodeID.
  private(set) var syncs: [[Sync]] = []
  /// By PodID: each time that the API learned of a pod that it does not serve any more, or that it does.
  private(set) var endings: [[SimTime]] = []
  private(set) var beginnings: [[SimTime]] = []
  /// By NodeID: changes of its address, and when its object had them.
  private(set) var nodeMoves: [[SimTime]] = []
  private(set) var nodeWrites: [[SimTime]] = []
  private(set) var routes: [(about: Int, on: Int, at: SimTime)] = []
  /// Times during which a node was cut off from the control plane.
  private var disconnections: [(node: Int, from: SimTime, to: SimTime)] = []
  /// The pod that had an address last.
  private(set) var formerPods: [IPv4Address: PodID] = [:]
  /// By NodeID: when its watch had each of `writes`, as far as somebody asked.
  var deliveries: [[SimTime]] = []
  var questions: [LagQuestion] = []

  private static func append(_ time: SimTime, _ index: Int, _ list: inout [[SimTime]]) {
    while list.count <= index { list.append([]) }
    list[index].append(time)
  }

  mutating func slicesWritten(_ service: ServiceID, _ revision: Revision, at: SimTime) {
    while sliceWrites.count <= service.index { sliceWrites.append([]) }
    let write = SliceWrite(at: at, revision: revision.number, ordinal: writes.count)
    writes.append(write)
    sliceWrites[service.index].append(write)
  }
  mutating func synced(_ record: SyncRecord) {
    while syncs.count <= record.node.index { syncs.append([]) }
    syncs[record.node.index].append(
      Sync(start: record.start, end: record.end, revision: record.slicesRevision))
  }
  mutating func stoppedServing(_ pod: PodID, at: SimTime) { Self.append(at, pod.index, &endings) }
  mutating func beganServing(_ pod: PodID, at: SimTime) { Self.append(at, pod.index, &beginnings) }
  mutating func addressReleased(_ address: IPv4Address, by pod: PodID) { formerPods[address] = pod }
  mutating func moved(_ node: Int, at: SimTime) { Self.append(at, node, &nodeMoves) }
  mutating func addressWritten(_ node: Int, at: SimTime) { Self.append(at, node, &nodeWrites) }
  mutating func routeLearned(about: Int, on: Int, at: SimTime) { routes.append((about, on, at)) }
  mutating func cutOff(_ node: Int, at: SimTime) { disconnections.append((node, at, .distantFuture)) }
  mutating func reconnected(_ node: Int, at: SimTime) {
    for i in disconnections.indices where disconnections[i].node == node && disconnections[i].to > at {
      disconnections[i].to = at
    }
  }

  func ending(_ pod: PodID, since reality: SimTime) -> SimTime? {
    pod.index < endings.count ? endings[pod.index].first { $0 >= reality } : nil
  }
  func beginning(_ pod: PodID, since reality: SimTime) -> SimTime? {
    pod.index < beginnings.count ? beginnings[pod.index].first { $0 >= reality } : nil
  }
  func lastBeginning(_ pod: PodID, until time: SimTime) -> SimTime? {
    pod.index < beginnings.count ? beginnings[pod.index].last { $0 <= time } : nil
  }
  /// The first write of a Service's slices from `time` on.
  func write(_ service: ServiceID, from time: SimTime) -> SliceWrite? {
    !service.isNone && service.index < sliceWrites.count
      ? sliceWrites[service.index].first { $0.at >= time } : nil
  }
  func lastWrite(_ service: ServiceID, until time: SimTime) -> SliceWrite? {
    !service.isNone && service.index < sliceWrites.count
      ? sliceWrites[service.index].last { $0.at <= time } : nil
  }
  /// The first sync of a node that had a write.
  func sync(_ node: Int, with write: SliceWrite) -> Sync? {
    guard node >= 0, node < syncs.count else { return nil }
    return syncs[node].first { $0.revision >= write.revision && $0.start >= write.at }
  }
  func moves(of node: Int) -> [SimTime] { node < nodeMoves.count ? nodeMoves[node] : [] }
  func addressWrites(of node: Int) -> [SimTime] { node < nodeWrites.count ? nodeWrites[node] : [] }
  func routesLearned(about node: Int, on peer: Int) -> [SimTime] {
    routes.filter { $0.about == node && $0.on == peer }.map(\.at)
  }
  func cuts(of node: Int) -> [(from: SimTime, to: SimTime)] {
    disconnections.filter { $0.node == node }.map { ($0.from, $0.to) }
  }
}
