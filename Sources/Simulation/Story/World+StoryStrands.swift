// SPDX-License-Identifier: GPL-3.0-or-later
//
// The chain of news about one pod, node, path or Service, and what each gap in it cost.

import Cluster
import NetworkTypes
import Proxy
import SimKernel

extension World {
  mutating func strand(
    _ key: StoryKey, rows: [LostConnection], from start: SimTime, _ book: StoryBook, _ result: RunResult
  ) -> Story.Strand {
    var strand: Story.Strand
    switch key.subject {
    case .pod(let pod): strand = podStrand(PodID(pod), rows, start, book)
    case .node(let node): strand = nodeStrand(node, rows, start, book)
    case .link(let index): strand = linkStrand(index, book)
    case .service(let service, let index): strand = serviceStrand(ServiceID(service), index)
    case .proxy(let node, let index): strand = proxyStrand(node, index, book)
    }
    if !strand.steps.contains(where: { $0.time <= start }) {
      strand.steps.append(Story.Step(time: start, what: ""))
    }
    // Steps of one instant stay in the order in which they were found.
    let order = strand.steps.indices.sorted { a, b in
      strand.steps[a].time == strand.steps[b].time ? a < b : strand.steps[a].time < strand.steps[b].time
    }
    strand.steps = order.map { strand.steps[$0] }
    strand.losses = Story.Losses(rows, result)
    placeLosses(rows, &strand, result)
    // The start stands in the incident's title; here it is only told if something was lost right after it.
    strand.steps.removeAll { $0.what.isEmpty && $0.lostUntilNext.count == 0 }
    for index in strand.steps.indices where strand.steps[index].what.isEmpty {
      strand.steps[index].what = "it begins"
    }
    return strand
  }

  private func placeLosses(_ rows: [LostConnection], _ strand: inout Story.Strand, _ result: RunResult) {
    var gaps: [[LostConnection]] = Array(repeating: [], count: strand.steps.count)
    for row in rows {
      gaps[strand.steps.lastIndex { $0.time <= row.failedAt } ?? 0].append(row)
    }
    for index in gaps.indices { strand.steps[index].lostUntilNext = Story.Losses(gaps[index], result) }
  }

  // MARK: A pod

  private mutating func podStrand(
    _ pod: PodID, _ rows: [LostConnection], _ start: SimTime, _ book: StoryBook
  ) -> Story.Strand {
    let record = control.pods[pod.index]
    let node = record.node.isNone ? "" : " on \(nodePlanes[record.node.index].name)"
    var strand = Story.Strand(title: "pod \(record.name)\(node)", steps: [])
    let object = "pod/\(record.name)"
    let own = book.events(of: object).filter { events[$0].time >= start }
    let reality = own.first.map { events[$0].time } ?? start
    if let api = lags.ending(pod, since: reality) {
      for service in services(of: rows) {
        addSlices(service, since: api, &strand)
        addLaterSlices(service, pod, since: api, &strand)
      }
    }
    addEvents(own, rows, start, &strand)
    if rows.contains(where: { $0.cause == .lbStaleTarget }), !record.node.isNone {
      addBalancer(record.node.index, rows, start, book, &strand)
    }
    return strand
  }

  /// When the load balancer found out about the pod's node.
  private func addBalancer(
    _ node: Int, _ rows: [LostConnection], _ start: SimTime, _ book: StoryBook,
    _ strand: inout Story.Strand
  ) {
    let last = (rows.map(\.failedAt).max() ?? start) + Self.aftermath
    for index in book.events(of: "node/\(nodePlanes[node].name)")
    where StoryBook.balancerActions.contains(events[index].action) {
      guard events[index].time >= start, events[index].time <= last else { continue }
      strand.steps.append(Story.Step(time: events[index].time, what: Story.words(events[index])))
    }
  }

  /// Those up to a little after the last loss and the last table that knew; later ones belong to another time
  /// of its life.
  private func addEvents(
    _ indices: [Int], _ rows: [LostConnection], _ start: SimTime, _ strand: inout Story.Strand
  ) {
    let known = strand.steps.map(\.time) + rows.map(\.failedAt)
    let last = (known.max() ?? start) + Self.aftermath
    let own = indices.filter { events[$0].time <= last }
    strand.steps =
      own.map { Story.Step(time: events[$0].time, what: Story.words(events[$0])) } + strand.steps
  }

  private static var aftermath: SimDuration { .seconds(15) }

  private func services(of rows: [LostConnection]) -> [ServiceID] {
    Set(rows.map(\.place.service)).filter { $0 >= 0 }.sorted().map { ServiceID(Int($0)) }
  }

  /// The write of a Service's slices that brought the news, and when which table had it.
  private mutating func addSlices(_ service: ServiceID, since api: SimTime, _ strand: inout Story.Strand) {
    let name = control.store.serviceName(service)
    guard let write = lags.write(service, from: api) else { return }
    let lag = ReadableNumber.span(write.at - api)
    let names = control.store.service(service)?.isHeadless ?? false ? " and DNS answer of" : " of"
    strand.steps.append(
      Story.Step(time: write.at, what: "EndpointSlice\(names) \(name) written, \(lag) after the API knew"))
    // No proxy has rules for a headless Service.
    if control.store.service(service)?.isHeadless ?? false { return }
    var known: [(end: SimTime, node: Int)] = []
    var missing: [String] = []
    // A node that has booted since reads everything anew: its table was never behind.
    for node in nodePlanes.indices where nodePlanes[node].bootedAt <= write.at {
      if let sync = lags.sync(node, with: write) {
        known.append((sync.end, node))
      } else if nodePlanes[node].isUp {
        missing.append(nodePlanes[node].name)
      }
    }
    known.sort { ($0.end, $0.node) < ($1.end, $1.node) }
    if let first = known.first { addTable(first, "first", known.count, write, "\(name)", &strand) }
    if known.count > 1, let last = known.last {
      addTable(last, "last", known.count, write, "\(name)", &strand)
    }
    if !missing.isEmpty {
      strand.steps.append(
        Story.Step(time: now, what: "not by the end of the run: " + missing.prefix(3).joined(separator: ", "))
      )
    }
  }

  /// Writes with later news of a pod that was terminating by then: that it does not serve, that it is gone.
  private func addLaterSlices(
    _ service: ServiceID, _ pod: PodID, since api: SimTime, _ strand: inout Story.Strand
  ) {
    if control.store.service(service)?.isHeadless ?? false { return }
    var seen = lags.write(service, from: api)?.ordinal
    for news in lags.laterNews(of: pod, after: api) {
      guard let write = lags.write(service, from: news), write.ordinal != seen else { continue }
      seen = write.ordinal
      let name = control.store.serviceName(service)
      strand.steps.append(
        Story.Step(time: write.at, what: "EndpointSlice of \(name) written with the latest of it"))
      let ends = nodePlanes.indices.filter { nodePlanes[$0].bootedAt <= write.at }
        .compactMap { lags.sync($0, with: write)?.end }
      if let last = ends.max() {
        strand.steps.append(Story.Step(time: last, what: "the last table of \(ends.count) has that, too"))
      }
    }
  }

  private mutating func addTable(
    _ entry: (end: SimTime, node: Int), _ which: String, _ count: Int, _ write: LagBook.SliceWrite,
    _ service: String, _ strand: inout Story.Strand
  ) {
    guard let sync = lags.sync(entry.node, with: write) else { return }
    let delivered = min(delivery(of: write, to: entry.node), sync.start)
    let watch = ReadableNumber.span(delivered - write.at)
    let wait = ReadableNumber.span(sync.start - delivered)
    let parts = "watch \(watch), wait \(wait), sync \(ReadableNumber.span(sync.end - sync.start))"
    let table = count == 1 ? "the only table" : "the \(which) of \(count) tables"
    strand.steps.append(
      Story.Step(
        time: entry.end, what: "\(table) has it for \(service): \(nodePlanes[entry.node].name) (\(parts))"))
  }

  // MARK: A node

  private mutating func nodeStrand(
    _ node: Int, _ rows: [LostConnection], _ start: SimTime, _ book: StoryBook
  ) -> Story.Strand {
    var strand = Story.Strand(title: "node \(nodePlanes[node].name)", steps: [])
    addRoutes(node, start, &strand)
    // Its pods leave the slices when the API holds it for gone, or when they ended in an orderly way.
    let pods = control.pods.filter { $0.node == NodeID(node) }.map(\.id)
    for service in services(of: rows) {
      let members = pods.filter { isMember(control.pods[$0.index], of: service) }
      let known = members.compactMap { lags.ending($0, since: start) }
      if let api = known.min() { addSlices(service, since: api, &strand) }
    }
    let own = book.events(of: "node/\(nodePlanes[node].name)").filter { events[$0].time >= start }
    addEvents(own, rows, start, &strand)
    return strand
  }

  private func addRoutes(_ node: Int, _ start: SimTime, _ strand: inout Story.Strand) {
    let learned = lags.routes.filter { $0.about == node && $0.at >= start }
    guard let first = learned.min(by: { $0.at < $1.at }), let last = learned.max(by: { $0.at < $1.at }) else {
      return
    }
    if last.at > first.at {
      strand.steps.append(
        Story.Step(time: first.at, what: "the first peer has the new route: \(nodePlanes[first.on].name)"))
    }
    strand.steps.append(
      Story.Step(time: last.at, what: "the last peer has the new route: \(nodePlanes[last.on].name)"))
  }

  // MARK: Paths and Services

  private func linkStrand(_ index: Int, _ book: StoryBook) -> Story.Strand {
    let object = events[index].object
    var strand = Story.Strand(title: String(object.dropFirst(5)), steps: [])
    for other in book.events(of: object) where other >= index {
      strand.steps.append(Story.Step(time: events[other].time, what: Story.words(events[other])))
      if events[other].action == "as before" { break }
    }
    return strand
  }

  /// From what kube-proxy was told until it has programmed its rules.
  private func proxyStrand(_ node: Int, _ index: Int, _ book: StoryBook) -> Story.Strand {
    let name = nodePlanes[node].name
    var strand = Story.Strand(title: "kube-proxy of \(name)", steps: [])
    for other in book.events(of: "node/\(name)") where other >= index {
      guard events[other].action.hasPrefix("kube-proxy") else { continue }
      strand.steps.append(Story.Step(time: events[other].time, what: Story.words(events[other])))
      if events[other].action.hasPrefix("kube-proxy programs") { break }
    }
    return strand
  }

  private mutating func serviceStrand(_ service: ServiceID, _ index: Int) -> Story.Strand {
    let name = control.store.serviceName(service)
    var strand = Story.Strand(title: "Service \(name)", steps: [])
    strand.steps.append(Story.Step(time: events[index].time, what: Story.words(events[index])))
    addSlices(service, since: events[index].time, &strand)
    return strand
  }
}
