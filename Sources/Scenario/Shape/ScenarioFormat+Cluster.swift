// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about the cluster: nodes and kube-proxy. Defaults are those of
// ClusterSettings, where their sources stand.

extension ScenarioFormat {
  /// Nodes that a scenario may have. Kubernetes supports 5,000 (FACTS F5).
  static let nodeLimit = 20_000

  static let cluster = Shape.object(
    ObjectShape([
      Field("kind", .text(.path), "A kind Cluster config: its nodes and subnets, relative to this file."),
      Field(
        "kubeProxyConfiguration", .text(.path),
        "A KubeProxyConfiguration, or the kube-proxy ConfigMap, for all nodes; `proxy` has the last word."),
      Field("serviceCIDR", .text(.block), standard: "\"10.96.0.0/12\"", "Block of cluster IPs."),
      Field(
        "podCIDR", .text(.block), standard: "\"10.244.0.0/16\"",
        "Block of pod IPs; nodes without a podCIDR of their own get a /24 of it."),
      Field(
        "serviceNodePortRange", .text(.portRange), standard: "\"30000-32767\"",
        "Ports that Services of type NodePort and LoadBalancer may have."),
      Field("nodes", .list(.object(nodeShape(isGroup: true))), "The nodes."),
      Field("proxy", .named("proxy"), "Configuration of kube-proxy on nodes that have none of their own."),
      proxySync,
      Field("sysctls", nodeSysctls, "Sysctls of the nodes, by their Linux names."),
      Field("timing", timing, "How long the parts of the cluster take to learn of each other."),
      Field("kubelet", kubelet, "How kubelets start pods and report about them."),
      Field("loadBalancer", loadBalancer, "The external load balancer."),
      Field("nodeAddresses", nodeAddresses, "How the cluster learns of a node's new address."),
      Field("dns", dns, "The cluster's DNS and names outside of it."),
      Field("endpointController", endpointController, "The controllers that write EndpointSlices."),
      Field("watch", watch, "How news of the API server reach nodes and controllers."),
    ]))

  /// - Parameter isGroup: with the keys that only make sense before the run begins.
  static func nodeShape(isGroup: Bool) -> ObjectShape {
    var fields = [
      Field(
        "name", .text(isGroup ? .nodeName : .dnsName), required: true,
        isGroup ? "Name; {n} stands for 1 to `count`." : "Name.")
    ]
    if isGroup {
      fields.append(
        Field("count", .integer(1...nodeLimit), standard: "1", "Number of equal nodes with this description.")
      )
    }
    fields += [
      Field("zone", .text(.nonEmpty), standard: "none", "Value of the label topology.kubernetes.io/zone."),
      Field(
        "addresses", .list(.text(.address)), standard: "the next free address of 172.18.0.0/16",
        "InternalIPs, the primary one first."),
      Field("externalAddresses", .list(.text(.address)), standard: "none", "ExternalIPs."),
      Field(
        "podCIDR", .text(.block), standard: "a /24 of the cluster's", "Block of the IPs of the node's pods."),
      Field("labels", labels, standard: "none", "Further labels."),
      Field("roles", .list(.text(.dnsName)), standard: "none", "Roles as `kubectl get nodes` shows them."),
      Field(
        "proxy", .named("proxy"), standard: "the cluster's",
        "Where this node's kube-proxy differs from the cluster's."),
      Field("cores", .integer(1...4096), standard: "4", "Processor cores; decides nf_conntrack_max."),
      Field(
        "conntrackMax", .integer(1...1_000_000_000), standard: "what kube-proxy computes from `cores`",
        "nf_conntrack_max."),
      Field(
        "proxyWatch", quantity, standard: "timing.proxyWatch",
        "Object written until this node's kube-proxy has it."),
      Field("sysctls", nodeSysctls, standard: "the cluster's", "Where this node's sysctls differ."),
      Field("unschedulable", .boolean, standard: "false", "Cordoned."),
      Field(
        "pinnedAddress", .boolean, standard: "false",
        "kubelet --node-ip: the Node object keeps the address whatever the machine has."),
      allocatable,
    ]
    if isGroup {
      fields.append(
        Field("joinsAtStart", .boolean, standard: "true", "If false, the node joins by an event `joinNode`."))
    }
    return ObjectShape(fields)
  }

  static let proxy = Shape.object(
    ObjectShape([
      Field(
        "mode", .word(["iptables", "ipvs", "nftables", "ebpf"]), standard: "\"iptables\"",
        "How Services are turned into rules."),
      Field(
        "clusterCIDR", .text(.blockOrNone), standard: "the cluster's podCIDR",
        "Sources inside are taken for pods; \"none\": kube-proxy cannot tell pods from others."),
      Field("masqueradeAll", .boolean, standard: "false", "Masquerade all traffic to cluster IPs."),
      Field(
        "nodePortAddresses", .list(.text(.block)), standard: "all of the node's",
        "Blocks of node addresses on which node ports are served."),
      Field(
        "localhostNodePorts", .boolean, standard: "true",
        "Serve node ports on 127.0.0.1 too (iptables mode only)."),
      Field("minSyncPeriod", .duration(), standard: "\"1s\"", "Shortest time between two syncs."),
      Field("syncPeriod", .duration(isPositive: true), standard: "\"30s\"", "A sync at least this often."),
      Field(
        "removeLeftovers", .boolean, standard: "false",
        "Remove the rules of every other mode at a start, as `kube-proxy --cleanup` does."),
      Field("conntrack", proxyConntrack, "What kube-proxy sets in the kernel's connection tracking."),
      Field("ipvs", ipvs, "What only mode ipvs reads; names as in KubeProxyConfiguration."),
      Field("ebpf", ebpf, "Cilium's kube-proxy replacement (mode ebpf only); names as in its Helm chart."),
    ]))

  private static let proxyConntrack = Shape.object(
    ObjectShape([
      Field("maxPerCore", .integer(0...100_000_000), standard: "32768", "Entries per processor core."),
      Field("min", .integer(0...1_000_000_000), standard: "131072", "Entries at least."),
      Field(
        "tcpEstablishedTimeout", .duration(), standard: "\"24h\"", "Idle time of established connections."),
      Field("tcpCloseWaitTimeout", .duration(), standard: "\"1h\"", "Idle time in CLOSE_WAIT."),
      Field(
        "udpTimeout", .duration(), standard: "\"0s\"",
        "Idle time of unanswered UDP; 0s leaves the kernel's 30s."),
      Field(
        "udpStreamTimeout", .duration(), standard: "\"0s\"", "Of answered UDP; 0s leaves the kernel's 120s."),
      Field("tcpBeLiberal", .boolean, standard: "false", "Out-of-window packets are not marked INVALID."),
    ]))
}
