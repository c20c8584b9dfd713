// SPDX-License-Identifier: GPL-3.0-or-later
//
// What `cilium-dbg` prints of a node's maps: `service list`, `bpf lb list` and, with Maglev, `bpf lb maglev
// list`, in the columns of cilium-dbg/cmd/service_list.go, bpf_lb_list.go and bpf_lb_maglev_list.go.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func ebpfTexts(_ node: NodeID, _ table: TableState) -> [RuleText] {
    let maps = ebpfMaps(node.rawValue, table)
    let agent = ebpf.agents[Int(eyes[Int(table.eyes)].agent)]
    var texts = [
      RuleText(command: "cilium-dbg service list", text: serviceList(maps)),
      RuleText(command: "cilium-dbg bpf lb list", text: loadBalancerList(maps)),
    ]
    if agent.algorithm == .maglev {
      texts.append(RuleText(command: "cilium-dbg bpf lb maglev list", text: maglevList(maps, agent)))
    }
    return texts
  }

  private func serviceList(_ maps: EBPFMaps) -> String {
    var rows = [["ID", "Frontend", "Service Type", "Backend"]]
    for key in maps.order {
      guard let service = maps.services[key] else { continue }
      let states = Dictionary(zip(service.backends, service.states), uniquingKeysWith: { first, _ in first })
      let backends = service.backends.sorted().enumerated().map { place, number in
        let state = states[number] ?? .active
        return "\(place + 1) => \(maps.backends[Int(number) - 1].text) (\(state.text))"
      }
      rows.append(["\(service.id)", key.text, service.flags.type, backends.first ?? ""])
      for backend in backends.dropFirst() { rows.append(["", "", "", backend]) }
    }
    return aligned(rows)
  }

  /// Slot 0 of each frontend with its flags, then its slots.
  private func loadBalancerList(_ maps: EBPFMaps) -> String {
    var rows = [["SERVICE ADDRESS", "BACKEND ADDRESS (REVNAT_ID) (SLOT)"]]
    for key in maps.order.sorted() {
      guard let service = maps.services[key] else { continue }
      rows.append(["\(key.text) (0)", "0.0.0.0:0 (\(service.id)) (0) [\(service.flags.text)]"])
      for (slot, number) in service.slots.enumerated() {
        let backend = maps.backends[Int(number) - 1].text
        rows.append(["\(key.text) (\(slot + 1))", "\(backend) (\(service.id)) (\(slot + 1))"])
      }
    }
    return aligned(rows)
  }

  private mutating func maglevList(_ maps: EBPFMaps, _ agent: EBPFSettings) -> String {
    let seeds = ebpf.seeds[Int(ebpf.agent(agent))]
    var rows = [["SVC ID", "LOOKUP TABLE"]]
    for key in maps.order where !key.address.isUnspecified {
      guard let service = maps.services[key], service.count > 0,
        service.flags.type != "ClusterIP" || agent.externalClusterIP
      else { continue }
      let used = Array(service.slots.prefix(service.count))
      let backends = used.map { number in
        let entry = maps.backends[Int(number) - 1]
        return MaglevBackend(name: MaglevBackend.name(entry.address, entry.port, entry.transport))
      }
      let table = MaglevTable(backends, size: agent.maglevTableSize, seed: seeds.murmur)
      let places = table.places.map { String(used[Int($0)]) }
      rows.append(["[\(service.id)]/v4", "[" + places.joined(separator: " ") + "]"])
    }
    return aligned(rows)
  }

  /// Go's tabwriter with a minimum width of 5 and 3 blanks between columns.
  private func aligned(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      max(5, 3 + (rows.map { column < $0.count ? $0[column].utf8.count : 0 }.max() ?? 0))
    }
    var text = ""
    for row in rows {
      for (column, cell) in row.enumerated() {
        text += cell + String(repeating: " ", count: widths[column] - cell.utf8.count)
      }
      text += "\n"
    }
    return text
  }
}
