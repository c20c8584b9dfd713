// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long each stage between reality and a node's table took, for connections that were lost because one of
// them was late: kubelet, controller, watch, the runner's wait, the sync. Asked when a connection is lost,
// answered at the end of the run, because most stages end later than the connection.
//
//     reality --kubelet--> API --controller--> slices --watch--> delivered --runner--> sync begins --> ends

import Cluster
import NetworkTypes
import Proxy
import SimKernel

/// What is written down while a run goes on.
struct LagBook {
  struct SliceWrite: BitwiseCopyable {
    var at: SimTime
    var revision: UInt32
  }
  struct Sync: BitwiseCopyable {
    var start: SimTime
    var end: SimTime
    /// Of the slices that it programmed.
    var revision: UInt32
  }
  struct Question {
    /// Index in the recorder's list of lost connections.
    var row: Int
    var service: ServiceID
    var node: Int
    /// The pod that the API, a slice or the table still had, and since when it did not serve; nil: what was
    /// late is a slice with a new endpoint.
    var pod: (id: PodID, reality: SimTime)?
    var lostAt: SimTime
  }
  /// By ServiceID.
  private(set) var sliceWrites: [[SliceWrite]] = []
  /// By NodeID.
  private(set) var syncs: [[Sync]] = []
  /// By PodID: each time that the API learned of a pod that it does not serve any more.
  private(set) var endings: [[SimTime]] = []
  var questions: [Question] = []

  mutating func slicesWritten(_ service: ServiceID, _ revision: Revision, at: SimTime) {
    while sliceWrites.count <= service.index { sliceWrites.append([]) }
    sliceWrites[service.index].append(SliceWrite(at: at, revision: revision.number))
  }
  mutating func synced(_ record: SyncRecord) {
    while syncs.count <= record.node.index { syncs.append([]) }
    syncs[record.node.index].append(
      Sync(start: record.start, end: record.end, revision: record.slicesRevision))
  }
  mutating func stoppedServing(_ pod: PodID, at: SimTime) {
    while endings.count <= pod.index { endings.append([]) }
    endings[pod.index].append(at)
  }

  func ending(_ pod: PodID, since reality: SimTime) -> SimTime? {
    pod.index < endings.count ? endings[pod.index].first { $0 >= reality } : nil
  }
  /// The first write of a Service's slices from `time` on.
  func write(_ service: ServiceID, from time: SimTime) -> SliceWrite? {
    service.index < sliceWrites.count ? sliceWrites[service.index].first { $0.at >= time } : nil
  }
  func lastWrite(_ service: ServiceID, until time: SimTime) -> SliceWrite? {
    service.index < sliceWrites.count ? sliceWrites[service.index].last { $0.at <= time } : nil
  }
  /// The first sync of a node that had a write.
  func sync(_ node: Int, with write: SliceWrite) -> Sync? {
    guard node < syncs.count else { return nil }
    return syncs[node].first { $0.revision >= write.revision && $0.start >= write.at }
  }
}

extension World {
  /// Notes what to find out about the connection's row once the run is over.
  mutating func askForLags(_ slot: UInt32, _ cause: Cause, row: Int) {
    guard cause == .staleTable || cause == .staleAPI || cause == .tableSwap else { return }
    let c = connections[slot].pointee
    let lostAt = SimTime(nanoseconds: c.failure.at)
    if c.backend != .max {
      let backend = proxies.backend(.init(c.backend))
      guard let pod = backend.pod, let reality = podTimes[pod.index].reality else { return }
      lags.questions.append(
        .init(
          row: row, service: backend.service, node: Int(c.decidingNode), pod: (pod, reality), lostAt: lostAt))
    } else if cause != .staleAPI, c.failure.node != .max {
      let service = groups[instances[Int(c.instance)].group].service
      guard !service.isNone else { return }
      lags.questions.append(
        .init(row: row, service: service, node: Int(c.failure.node), pod: nil, lostAt: lostAt))
    }
  }

  /// Fills the lag columns of the lost connections.
  mutating func answerLags() {
    for question in lags.questions {
      var row = recorder.lost[question.row]
      if let pod = question.pod { answer(question, pod, &row) } else { answer(question, &row) }
      recorder.replace(row: question.row, with: row)
    }
    lags.questions = []
  }

  private func answer(
    _ q: LagBook.Question, _ pod: (id: PodID, reality: SimTime), _ row: inout LostConnection
  ) {
    guard let api = lags.ending(pod.id, since: pod.reality) else { return }
    row.kubelet = api - pod.reality
    guard let write = lags.write(q.service, from: api) else { return }
    row.controller = write.at - api
    if let sync = lags.sync(q.node, with: write) { fill(q.node, write, sync, &row) }
  }

  /// The table lacked an endpoint that the API had.
  private func answer(_ q: LagBook.Question, _ row: inout LostConnection) {
    guard let write = lags.lastWrite(q.service, until: q.lostAt),
      let sync = lags.sync(q.node, with: write), sync.end > q.lostAt
    else { return }
    fill(q.node, write, sync, &row)
  }

  private func fill(
    _ node: Int, _ write: LagBook.SliceWrite, _ sync: LagBook.Sync, _ row: inout LostConnection
  ) {
    // A process that starts lists instead of waiting for the watch.
    let delivered = min(
      write.at + proxies.slicesWatchDelay(NodeID(node), revision: Revision(write.revision)), sync.start)
    row.watch = delivered - write.at
    row.runnerWait = sync.start - delivered
    row.sync = sync.end - sync.start
  }
}
