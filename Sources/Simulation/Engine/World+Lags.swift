// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long each stage between reality and a node's table took, for connections that were lost because one of
// them was late. Asked when a connection is lost, answered at the end of the run, because most stages end
// later than the connection.
//
//     reality --kubelet--> API --controller--> slices --watch--> delivered --runner--> sync begins --> ends
//
// A pod that leaves and a pod that comes pass all five. What a DNS answer or an API object would have had to
// know passes the first two. A node's address passes kubelet (to its Node object) and watch (to a peer's
// routes). A stage that never ended in the run is left empty, and so are those after it.

import Cluster
import NetworkTypes
import Proxy
import SimKernel

extension World {
  /// Notes what to find out about the connection's row once the run is over.
  mutating func askForLags(_ slot: UInt32, _ cause: Cause, row: Int) {
    let c = connections[slot].pointee
    let lostAt = SimTime(nanoseconds: c.failure.at)
    guard let subject = lateSubject(slot, cause, lostAt) else { return }
    let service =
      c.backend != .max
      ? proxies.backend(.init(c.backend)).service : groups[instances[Int(c.instance)].group].service
    let node = c.backend != .max ? c.decidingNode : c.failure.node
    let isTable = cause != .staleDNS && node != .max
    lags.questions.append(
      LagQuestion(
        row: row, service: service, node: isTable ? Int(node) : -1, subject: subject, lostAt: lostAt))
  }

  /// What somebody on the path had not heard of; nil where the loss has nothing to do with that.
  private func lateSubject(_ slot: UInt32, _ cause: Cause, _ lostAt: SimTime) -> LagQuestion.Subject? {
    let c = connections[slot].pointee
    switch cause {
    case .staleTable, .tableSwap, .staleAPI, .staleConntrack, .ipReused:
      if let pod = chosenPod(slot), let reality = podTimes[pod.index].reality {
        return .leaving(pod, reality: reality)
      }
      if c.backend != .max { return nil }
      if cause == .staleAPI { return comingPod(slot, lostAt).map { .coming($0) } }
      return cause == .staleTable || cause == .tableSwap ? .comingSlice : nil
    case .staleDNS:
      guard let pod = chosenPod(slot), let reality = podTimes[pod.index].reality else { return nil }
      return .leaving(pod, reality: reality)
    case .staleRoute:
      let node = destinationNode(slot)
      return node < 0 ? nil : .address(of: node, peer: c.failure.node == .max ? -1 : Int(c.failure.node))
    case .nodeAddressChanged:
      return c.failure.node == .max ? nil : .address(of: Int(c.failure.node), peer: -1)
    default: return nil
    }
  }

  /// The pod that a table chose, or whose own address the client had.
  func chosenPod(_ slot: UInt32) -> PodID? {
    let c = connections[slot].pointee
    if c.backend != .max { return proxies.backend(.init(c.backend)).pod }
    let address = dialled(slot).destination
    let owner = addresses.owner(of: address)
    if owner.kind == .pod { return PodID(owner.id) }
    return owner.kind == .none ? lags.formerPods[address] : nil
  }

  private func destinationNode(_ slot: UInt32) -> Int {
    let node = backendNode(slot)
    if node >= 0 { return node }
    return nodeIndex(of: addresses.owner(of: dialled(slot).destination))
  }

  /// A pod of the Service that answered its probe by then, though the API did not know.
  private func comingPod(_ slot: UInt32, _ lostAt: SimTime) -> PodID? {
    let id = groups[instances[Int(connections[slot].pointee.instance)].group].service
    guard !id.isNone else { return nil }
    return control.pods.first { pod in
      // What the API has listed since before needs no search.
      let listed =
        podTimes[pod.id.index].isServing ? lags.lastBeginning(pod.id, until: .distantFuture) ?? .zero : nil
      guard pod.isReadyInReality, listed.map({ $0 > lostAt }) ?? true, isMember(pod, of: id),
        let reality = realStart(of: pod.id, until: lostAt)
      else { return false }
      return lags.beginning(pod.id, since: reality).map { $0 > lostAt } ?? true
    }?.id
  }

  func isMember(_ pod: PodRecord, of service: ServiceID) -> Bool {
    guard let selector = control.store.service(service)?.spec.selector, !selector.isEmpty else {
      return false
    }
    return pod.name.namespace == control.store.serviceName(service).namespace
      && LabelSelector(selector).matches(pod.labels)
  }

  // MARK: Answers

  /// Fills the lag columns of the lost connections.
  mutating func answerLags() {
    for question in lags.questions {
      var row = recorder.lost[question.row]
      switch question.subject {
      case .leaving(let pod, let reality): fill(&row, question, leaving(pod, since: reality, question))
      case .coming(let pod): fill(&row, question, coming(pod, question))
      case .comingSlice: answerComingSlice(question, &row)
      case .address(let node, let peer): answerAddress(node, peer, question, &row)
      }
      recorder.replace(row: question.row, with: row)
    }
    lags.questions = []
  }

  private typealias Chain = (reality: SimTime, api: SimTime?, write: LagBook.SliceWrite?)

  private func leaving(_ pod: PodID, since reality: SimTime, _ q: LagQuestion) -> Chain {
    guard let api = lags.ending(pod, since: reality) else { return (reality, nil, nil) }
    return (reality, api, lags.write(q.service, from: api))
  }

  private func coming(_ pod: PodID, _ q: LagQuestion) -> Chain? {
    guard let reality = realStart(of: pod, until: q.lostAt) else { return nil }
    guard let api = lags.beginning(pod, since: reality) else { return (reality, nil, nil) }
    return (reality, api, lags.write(q.service, from: api))
  }

  private mutating func fill(_ row: inout LostConnection, _ q: LagQuestion, _ chain: Chain?) {
    guard let chain, let api = chain.api else { return }
    row.kubelet = api - chain.reality
    guard let write = chain.write else { return }
    row.controller = write.at - api
    fillTable(&row, q.node, write)
  }

  /// The table lacked an endpoint that the API had: the newest that had come into its slices.
  private mutating func answerComingSlice(_ q: LagQuestion, _ row: inout LostConnection) {
    guard let write = lags.lastWrite(q.service, until: q.lostAt),
      let sync = lags.sync(q.node, with: write), sync.end > q.lostAt
    else { return }
    let newest = control.pods.compactMap { pod -> (PodID, SimTime)? in
      guard isMember(pod, of: q.service), let api = lags.lastBeginning(pod.id, until: write.at) else {
        return nil
      }
      return (pod.id, api)
    }.max { $0.1 < $1.1 }
    if let (pod, api) = newest, let reality = realStart(of: pod, until: api) {
      row.kubelet = api - reality
      // The first write that could have it.
      if let first = lags.write(q.service, from: api) { row.controller = first.at - api }
    }
    fillTable(&row, q.node, write)
  }

  /// When the pod began to answer its probe, as the log of events has it.
  private func realStart(of pod: PodID, until time: SimTime) -> SimTime? {
    let object = "pod/\(control.pods[pod.index].name)"
    return events.last {
      $0.time <= time && $0.object == object && ($0.action == "ready" || $0.action == "probe succeeds")
    }?.time
  }

  private func answerAddress(_ node: Int, _ peer: Int, _ q: LagQuestion, _ row: inout LostConnection) {
    guard let reality = lags.moves(of: node).last(where: { $0 <= q.lostAt }),
      let api = lags.addressWrites(of: node).first(where: { $0 >= reality })
    else { return }
    row.kubelet = api - reality
    guard peer >= 0, let learned = lags.routesLearned(about: node, on: peer).first(where: { $0 >= api })
    else {
      return
    }
    row.watch = learned - api
  }

  private mutating func fillTable(_ row: inout LostConnection, _ node: Int, _ write: LagBook.SliceWrite) {
    guard node >= 0, let sync = lags.sync(node, with: write) else { return }
    // A process that starts lists instead of waiting for the watch.
    let delivered = min(delivery(of: write, to: node), sync.start)
    row.watch = delivered - write.at
    row.runnerWait = sync.start - delivered
    row.sync = sync.end - sync.start
  }

  /// When a node's watch had a write: first in, first out, and nothing while the node is cut off.
  mutating func delivery(of write: LagBook.SliceWrite, to node: Int) -> SimTime {
    while lags.deliveries.count <= node { lags.deliveries.append([]) }
    var times = lags.deliveries[node]
    lags.deliveries[node] = []
    while times.count < lags.writes.count {
      let next = lags.writes[times.count]
      let delay = proxies.slicesWatchDelay(NodeID(node), revision: Revision(next.revision))
      var time = max(next.at + delay, times.last ?? .zero)
      for cut in lags.cuts(of: node) where cut.from <= time && time < cut.to { time = cut.to }
      times.append(time)
    }
    lags.deliveries[node] = times
    return times[write.ordinal]
  }
}
