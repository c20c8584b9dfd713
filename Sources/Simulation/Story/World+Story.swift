// SPDX-License-Identifier: GPL-3.0-or-later
//
// Makes the story of a run that is over: leads every lost connection back to what happened, and sets the
// chain of news beside it from what the run has written down.

import Cluster
import NetworkTypes
import Proxy
import SimKernel

extension World {
  /// What a connection that is lost was about.
  func lossPlace(_ slot: UInt32, node: Int) -> LossPlace {
    let c = connections[slot].pointee
    var place = LossPlace()
    place.node = Int32(node)
    if c.entryNode != .max { place.entry = Int32(c.entryNode) }
    let service = groups[instances[Int(c.instance)].group].service
    if !service.isNone { place.service = Int32(service.index) }
    if let pod = chosenPod(slot) { place.pod = Int32(pod.index) }
    return place
  }

  /// After the run's end, and after `result`.
  mutating func story(_ result: RunResult) -> Story {
    var story = Story()
    story.scenario = result.identity.scenario
    story.question = result.question
    story.issues = scenario.issues
    story.answerReplications = scenario.answer?.replications
    story.seed = result.identity.seed
    story.replication = result.identity.replication
    story.mode = result.identity.proxyMode
    story.duration = result.duration
    story.attempted = result.attempted
    story.lossRatio = result.lossRatio
    story.misdelivered = result.groups.reduce(0) { $0 + ($1.outcome == .misdelivered ? $1.count : 0) }
    let book = StoryBook(events)
    let lost = result.lost.filter(\.outcome.isLost)
    story.lost = Story.Losses(lost, result)
    var found: [StoryKey: [LostConnection]] = [:]
    var order: [StoryKey] = []
    var rest: [LostConnection] = []
    for row in lost {
      guard let key = storyKey(of: row, book) else {
        rest.append(row)
        continue
      }
      if found[key] == nil { order.append(key) }
      found[key, default: []].append(row)
    }
    story.unattributed = Story.Losses(rest, result)
    let roots = Set(order.map(\.root)).union(events.indices.filter { book.isRoot($0) }.map { book.head($0) })
    for root in roots.sorted() {
      let keys = order.filter { $0.root == root }
      story.incidents.append(incident(root, keys, found, book, result))
    }
    let places = story.incidents.indices.sorted { a, b in
      let (x, y) = (story.incidents[a], story.incidents[b])
      if x.losses.count != y.losses.count { return x.losses.count > y.losses.count }
      return x.time == y.time ? a < b : x.time < y.time
    }
    story.incidents = places.map { story.incidents[$0] }
    return story
  }

  private mutating func incident(
    _ root: Int, _ keys: [StoryKey], _ found: [StoryKey: [LostConnection]], _ book: StoryBook,
    _ result: RunResult
  ) -> Story.Incident {
    var incident = Story.Incident(time: events[root].time, title: Story.title(events[root]))
    incident.losses = Story.Losses(keys.flatMap { found[$0]! }, result)
    let strands = keys.map { key in
      strand(key, rows: found[key]!, from: incident.time, book, result)
    }
    let places = strands.indices.sorted { a, b in
      let (x, y) = (strands[a].losses.count, strands[b].losses.count)
      return x == y ? a < b : x > y
    }
    incident.strands = places.map { strands[$0] }
    return incident
  }

  // MARK: Whose fault

  private func podName(_ pod: Int32) -> String { "pod/\(control.pods[Int(pod)].name)" }
  private func nodeName(_ node: Int) -> String { "node/\(nodePlanes[node].name)" }

  private func storyKey(of row: LostConnection, _ book: StoryBook) -> StoryKey? {
    let place = row.place
    let time = row.failedAt
    switch row.cause {
    case .partition, .networkLoss:
      return linkInForce(time, book).map { StoryKey(root: book.head($0), subject: .link($0)) }
    case .staleRoute:
      let node = place.pod >= 0 ? control.pods[Int(place.pod)].node.index : Int(place.node)
      return nodeKey(node, time, book) ?? nodeKey(Int(place.node), time, book)
    case .lbStaleTarget:
      return nodeKey(Int(place.entry), time, book) ?? localPodKey(place, time, book)
        ?? podOrNodeKey(place, time, book) ?? serviceKey(place, time, book)
    case .lbMoved, .lbDrained:
      return balancerKey(place, time, book) ?? serviceKey(place, time, book)
    case .nodeAddressChanged, .nodeDown:
      return nodeKey(Int(place.node), time, book) ?? podOrNodeKey(place, time, book)
    case .staleTable, .staleAPI, .tableSwap, .podTerminated, .serverCrashed, .staleConntrack, .ipReused,
      .staleDNS, .portClosed, .conntrackExpired:
      return proxyKey(place, time, book) ?? podOrNodeKey(place, time, book) ?? serviceKey(place, time, book)
    case .noEndpoints, .localPolicy, .lbNoTarget, .notProxied, .nameNotFound:
      return proxyKey(place, time, book) ?? serviceKey(place, time, book)
    default: return nil
    }
  }

  private func podOrNodeKey(_ place: LossPlace, _ time: SimTime, _ book: StoryBook) -> StoryKey? {
    guard place.pod >= 0 else { return nil }
    return podKey(place.pod, time, book)
  }

  /// Why a pod did not serve at a time.
  private func podKey(_ pod: Int32, _ time: SimTime, _ book: StoryBook) -> StoryKey? {
    let own = book.takeaway(podName(pod), until: time)
    let node = control.pods[Int(pod)].node
    let nodes = node.isNone ? nil : nodeTakeaway(node.index, time, book)
    // What took the node away took the pod away, unless the pod was on its way before.
    if let nodes, own.map({ events[nodes].time <= events[$0].time }) ?? true {
      return StoryKey(root: nodeRoot(nodes, node.index, book), subject: .node(node.index))
    }
    guard let own else { return nil }
    return StoryKey(root: root(ofPod: pod, own, book), subject: .pod(Int(pod)))
  }

  private func nodeKey(_ node: Int, _ time: SimTime, _ book: StoryBook) -> StoryKey? {
    guard node >= 0 else { return nil }
    guard
      let index = nodeTakeaway(node, time, book)
        ?? book.latest(nodeName(node), until: time, StoryBook.nodeTakeaways)
    else { return nil }
    return StoryKey(root: nodeRoot(index, node, book), subject: .node(node))
  }

  /// The event that took a node away and still holds.
  private func nodeTakeaway(_ node: Int, _ time: SimTime, _ book: StoryBook) -> Int? {
    var found: Int?
    for index in book.events(of: nodeName(node)) where events[index].time <= time {
      if ["up", "joined"].contains(events[index].action) { found = nil }
      if found == nil, ["down", "shutdown", "deleted"].contains(events[index].action) { found = index }
    }
    return found
  }

  /// What began it: a shutdown before the power went, an action before its effect.
  private func nodeRoot(_ index: Int, _ node: Int, _ book: StoryBook) -> Int {
    if book.isRoot(index) { return book.head(index) }
    let before = book.events(of: nodeName(node)).last { $0 <= index && book.isRoot($0) }
    return before.map { book.head($0) } ?? index
  }

  /// What is behind a pod's end that the scenario did not ask for itself: of its node's drain or silence and
  /// its workload's changes the latest.
  private func root(ofPod pod: Int32, _ own: Int, _ book: StoryBook) -> Int {
    if book.isRoot(own) { return book.head(own) }
    let record = control.pods[Int(pod)]
    var candidates: [Int] = []
    if !record.owner.isNone {
      let workload = control.workloads[record.owner.index].object
      candidates += book.workloadRoots(
        workload.metadata.namespacedName, workload.kind.rawValue.lowercased())
    }
    if !record.node.isNone {
      candidates += book.events(of: nodeName(record.node.index)).filter {
        ["drain", "Ready=Unknown", "down", "shutdown"].contains(events[$0].action)
      }
    }
    guard let latest = candidates.filter({ $0 < own }).max() else { return own }
    let isNodes = events[latest].object.hasPrefix("node/")
    return isNodes ? nodeRoot(latest, record.node.index, book) : book.head(latest)
  }

  /// What changed last about a Service before a time: a pod that left or came, or the object itself; or the
  /// start of the node that has no rules yet.
  private func serviceKey(_ place: LossPlace, _ time: SimTime, _ book: StoryBook) -> StoryKey? {
    var best: (at: Int, key: StoryKey)?
    func offer(_ index: Int, _ key: StoryKey) {
      if best.map({ $0.at < index }) ?? true { best = (index, key) }
    }
    if place.node >= 0, let start = bareNode(Int(place.node), time, book) {
      offer(start, StoryKey(root: nodeRoot(start, Int(place.node), book), subject: .node(Int(place.node))))
    }
    guard place.service >= 0 else { return best?.key }
    let service = ServiceID(Int(place.service))
    let object = "service/\(control.store.serviceName(service))"
    if let index = book.latest(object, until: time, ["created", "updated", "deleted"]) {
      offer(index, StoryKey(root: book.head(index), subject: .service(Int(place.service), index)))
    }
    for id in members(of: service, book) {
      let pod = control.pods[Int(id)]
      if let left = book.takeaway(podName(id), until: time), let key = podKey(id, time, book) {
        offer(left, key)
      } else if let came = book.coming(podName(id), until: time) {
        offer(came, StoryKey(root: root(ofPod: id, came, book), subject: .pod(pod.id.index)))
      } else if !pod.node.isNone, let down = nodeTakeaway(pod.node.index, time, book) {
        offer(down, StoryKey(root: nodeRoot(down, pod.node.index, book), subject: .node(pod.node.index)))
      }
    }
    return best?.key
  }

  private func members(of service: ServiceID, _ book: StoryBook) -> [Int32] {
    if let known = book.members[service] { return known }
    let found = control.pods.filter { isMember($0, of: service) }.map { Int32($0.id.index) }
    book.members[service] = found
    return found
  }

  /// The node has booted and its first sync is not over.
  private func bareNode(_ node: Int, _ time: SimTime, _ book: StoryBook) -> Int? {
    guard let up = book.latest(nodeName(node), until: time, ["up", "joined"]) else { return nil }
    let hasSynced =
      node < lags.syncs.count
      && lags.syncs[node].contains {
        $0.start >= events[up].time && $0.end <= time && $0.revision > 0
      }
    return hasSynced ? nil : up
  }

  /// The node's kube-proxy was told something else, or started again, and has not programmed its rules since:
  /// whatever its tables say until then is the restart's.
  private func proxyKey(_ place: LossPlace, _ time: SimTime, _ book: StoryBook) -> StoryKey? {
    guard place.node >= 0 else { return nil }
    var open: Int?
    for index in book.events(of: nodeName(Int(place.node))) where events[index].time <= time {
      let action = events[index].action
      if StoryBook.proxyBeginnings.contains(action), open == nil { open = index }
      if action.hasPrefix("kube-proxy programs") { open = nil }
      if action == "up" || action == "down" { open = nil }
    }
    guard let open, events.indices.contains(open + 1) else { return nil }
    // Only where rules went: a restart in the same mode leaves them in the kernel.
    let hasLost = book.events(of: nodeName(Int(place.node))).contains {
      $0 > open && events[$0].time <= time && events[$0].action == "kube-proxy removes rules"
    }
    return hasLost ? StoryKey(root: book.head(open), subject: .proxy(Int(place.node), open)) : nil
  }

  /// Behind `externalTrafficPolicy: Local` a node is a target as long as it has a pod: the last to leave.
  private func localPodKey(_ place: LossPlace, _ time: SimTime, _ book: StoryBook) -> StoryKey? {
    guard place.entry >= 0, place.service >= 0 else { return nil }
    var best: (at: Int, pod: Int32)?
    for id in members(of: ServiceID(Int(place.service)), book)
    where control.pods[Int(id)].node == NodeID(Int(place.entry)) {
      guard let left = book.takeaway(podName(id), until: time) else { continue }
      if best.map({ $0.at < left }) ?? true { best = (left, id) }
    }
    return best.flatMap { podKey($0.pod, time, book) }
  }

  /// The last time that the load balancer gave up a target or took one back.
  private func balancerKey(_ place: LossPlace, _ time: SimTime, _ book: StoryBook) -> StoryKey? {
    var best: (at: Int, node: Int)?
    for node in nodePlanes.indices {
      guard let index = book.latest(nodeName(node), until: time, StoryBook.balancerActions) else { continue }
      if best.map({ $0.at < index }) ?? true { best = (index, node) }
    }
    return best.map { best in
      nodeKey(best.node, time, book) ?? StoryKey(root: book.head(best.at), subject: .node(best.node))
    }
  }

  private func linkInForce(_ time: SimTime, _ book: StoryBook) -> Int? {
    var open: [String: Int] = [:]
    for index in events.indices where events[index].time <= time && events[index].object.hasPrefix("link/") {
      open[events[index].object] = events[index].action == "as before" ? nil : index
    }
    return open.values.max()
  }
}

/// Where a loss belongs.
struct StoryKey: Hashable {
  enum Subject: Hashable {
    case pod(Int)
    case node(Int)
    /// Index of the event that began it.
    case link(Int)
    case service(Int, Int)
    /// A node's kube-proxy, and the index of the event that began it.
    case proxy(Int, Int)
  }
  var root: Int
  var subject: Subject
}
