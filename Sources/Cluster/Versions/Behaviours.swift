// SPDX-License-Identifier: GPL-3.0-or-later
//
// The registry: every behaviour of the model that depends on the version of Kubernetes. A feature counts from
// the version in which its gate is on by default (FACTS A6; KEP yaml). Who adds a behaviour adds it here, to
// `all` and to the table in BehaviourTests.

import SimKernel

/// How the API server, the controllers and the kubelet of a version behave.
public enum Behaviours {
  // MARK: API server

  /// Values of `trafficDistribution` that mean something; others are refused, and before 1.31 the field is
  /// dropped.
  public static let trafficDistributions = VersionedBehaviour<[String]>(
    "trafficDistribution", source: "KEP-4444, KEP-3015 (FACTS A6)", first: [], "the field is dropped",
    .init(31, ["PreferClose"], "PreferClose"),
    .init(
      34, ["PreferClose", "PreferSameZone", "PreferSameNode"], "PreferClose, PreferSameZone, PreferSameNode"))

  public static let relaxedServiceNames = VersionedBehaviour(
    "serviceName", source: "KEP-5311 (FACTS A4)", first: false, "DNS-1035 label",
    .init(36, true, "DNS-1123 label"))

  public static let clusterIPBand = VersionedBehaviour(
    "clusterIPBand", source: "KEP-3070 (FACTS A1)", first: false,
    "cluster IPs are drawn from the whole range",
    .init(25, true, "the low end of the range is kept for hand-picked cluster IPs"))

  public static let nodePortBand = VersionedBehaviour(
    "nodePortBand", source: "KEP-3668 (FACTS A2)", first: false, "node ports are drawn from the whole range",
    .init(28, true, "the low end of the range is kept for hand-picked node ports"))

  public static let loadBalancerIPMode = VersionedBehaviour(
    "loadBalancerIPMode", source: "KEP-1860 (FACTS A6)", first: false, "ipMode is dropped",
    .init(30, true, "ipMode Proxy addresses are not short-circuited"))

  public static let endpointsDeprecated = VersionedBehaviour(
    "endpointsAPI", source: "KEP-4974 (FACTS A6)", first: false, "v1 Endpoints in use",
    .init(33, true, "v1 Endpoints deprecated: kubectl warns"))

  public static let statefulSetMaxUnavailable = VersionedBehaviour(
    "statefulSetMaxUnavailable", source: "KEP-961; k/k pkg/features/kube_features.go", first: false,
    "maxUnavailable of StatefulSets is dropped", .init(35, true, "StatefulSets have maxUnavailable"))

  public static let preStopSleep = VersionedBehaviour(
    "preStopSleep", source: "KEP-3960; k/k pkg/features/kube_features.go", first: false,
    "the preStop action sleep is dropped", .init(30, true, "preStop may be a sleep"))

  // MARK: Controllers and kubelet

  /// Nodes leave a load balancer's set only when they are deleted or excluded by label.
  public static let stableBalancerNodeSet = VersionedBehaviour(
    "loadBalancerNodeSet", source: "KEP-3458 (FACTS F3)", first: false,
    "NotReady and tainted nodes leave the load balancer's set",
    .init(27, true, "only deleted and excluded nodes leave the load balancer's set"))

  public static let fasterKubeletClient = VersionedBehaviour(
    "kubeletAPIQPS", source: "k/k PR 116121", first: false, "kubeAPIQPS 5, burst 10",
    .init(27, true, "kubeAPIQPS 50, burst 100"))

  /// Whether a held-back container start is tried again when its back-off ends. The release is assumed.
  public static let retriesAtBackoffEnd = VersionedBehaviour(
    "restartRetry", source: "k/k pkg/kubelet/pod_workers.go; release assumed", first: false,
    "a held-back start is tried each 10 to 15 s",
    .init(35, true, "a held-back start is tried when its wait is over"))

  public static let nodeMonitorGrace = VersionedBehaviour(
    "nodeMonitorGrace", source: "k/k 126287 (FACTS F1)", first: SimDuration.seconds(40),
    "a node silent for 40s is not ready",
    .init(32, .seconds(50), "a node silent for 50s is not ready"))

  /// The annotation's key that Kubernetes 1.27 introduced; the older one goes on to be read.
  public static let topologyModeAnnotation = VersionedBehaviour(
    "topologyMode", source: "KEP-2433; k/k staging endpointslice/utils.go, hintsEnabled", first: false,
    "annotation topology-aware-hints", .init(27, true, "annotation topology-mode, or topology-aware-hints"))

  // MARK: kube-proxy

  public static let proxyTerminatingEndpoints = VersionedBehaviour(
    "proxyTerminatingEndpoints", source: "KEP-1669 (FACTS A6)", first: false,
    "terminating endpoints get no new connections",
    .init(26, true, "serving terminating endpoints are used where none is ready"))

  public static let proxyReadsTopologyAnnotation = VersionedBehaviour(
    "hintsNeedAnnotation", source: "KEP-4444; k/k pkg/proxy/topology.go of 1.30 and 1.31", first: true,
    "kube-proxy follows hints only of Services with the topology annotation",
    .init(31, false, "kube-proxy follows hints wherever they are complete"))

  public static let partialIptablesSync = VersionedBehaviour(
    "partialSync", source: "KEP-3453 (FACTS C3)", first: false, "every iptables sync is full",
    .init(27, true, "iptables syncs write the chains of changed Services only"))

  public static let partialNftablesSync = VersionedBehaviour(
    "nftablesPartialSync", source: "k/k PR 126013; release from its date", first: false,
    "every nftables sync is full", .init(32, true, "nftables syncs write changed Services only"))

  public static let hourlyFullSyncs = VersionedBehaviour(
    "fullSyncInterval", source: "KEP-3453; k/k pkg/proxy/util, FullSyncPeriod", first: false,
    "iptables syncs in full once per syncPeriod", .init(28, true, "iptables syncs in full once an hour"))

  public static let reconcilesConntrack = VersionedBehaviour(
    "udpCleanup", source: "k/k PR 127318 (FACTS C10)", first: false,
    "stale UDP entries are deleted by events of endpoints and Services",
    .init(32, true, "UDP entries that lead elsewhere than to serving endpoints are deleted"))

  public static let cleansUnservedConntrack = VersionedBehaviour(
    "udpCleanupUnserved", source: "k/k PR 139629 (FACTS C10)", first: false,
    "UDP entries of a Service without serving endpoints stay",
    .init(37, true, "those of Services without endpoints go too"))

  public static let healthzSeesLeavingNodes = VersionedBehaviour(
    "proxyHealthz", source: "KEP-3836 (FACTS A6, C4)", first: false, "healthz does not look at the node",
    .init(30, true, "healthz is 503 on nodes that the autoscaler will delete"))

  /// False: at least minSyncPeriod between an end and the next start.
  public static let tokenBucketRunner = VersionedBehaviour(
    "syncRunner", source: "k/k pkg/util/async, pkg/proxy/runner (FACTS C2)", first: true,
    "token bucket with burst 2",
    .init(34, false, "minSyncPeriod from the end of a sync to the start of the next"))

  public static let largeClusterSkipsHourlySync = VersionedBehaviour(
    "largeClusterFullSync", source: "k/k pkg/proxy/iptables/proxier.go of 1.36", first: false,
    "full syncs in large clusters, too", .init(36, true, "no full syncs by time in large clusters")
  )

  public static let nftablesDirectTranslation = VersionedBehaviour(
    "nftablesLayout", source: "golden/; k/k pkg/proxy/nftables/proxier.go of 1.36", first: false,
    "a chain per endpoint", .init(36, true, "endpoints in the Service's map"))

  public static let nftablesKnowsServiceCIDRs = VersionedBehaviour(
    "nftablesUnallocatedIPs", source: "KEP-1880, KEP-3866 (FACTS D2)", first: false,
    "unallocated cluster IPs are routed on", .init(33, true, "unallocated cluster IPs are dropped"))

  public static let proxyExitsOnAddressChange = VersionedBehaviour(
    "proxyNodeIPChange", source: "k/k PR 138183 (FACTS J)", first: false,
    "kube-proxy keeps the node IPs of its start",
    .init(37, true, "kube-proxy exits when its node's IPs change"))

  /// Every entry, in the order in which they are shown.
  public static var all: [BehaviourEntry] {
    [
      BehaviourEntry(trafficDistributions), BehaviourEntry(relaxedServiceNames),
      BehaviourEntry(clusterIPBand), BehaviourEntry(nodePortBand), BehaviourEntry(loadBalancerIPMode),
      BehaviourEntry(endpointsDeprecated), BehaviourEntry(statefulSetMaxUnavailable),
      BehaviourEntry(preStopSleep), BehaviourEntry(stableBalancerNodeSet),
      BehaviourEntry(fasterKubeletClient), BehaviourEntry(retriesAtBackoffEnd),
      BehaviourEntry(nodeMonitorGrace), BehaviourEntry(topologyModeAnnotation),
      BehaviourEntry(proxyTerminatingEndpoints), BehaviourEntry(proxyReadsTopologyAnnotation),
      BehaviourEntry(partialIptablesSync), BehaviourEntry(partialNftablesSync),
      BehaviourEntry(hourlyFullSyncs), BehaviourEntry(largeClusterSkipsHourlySync),
      BehaviourEntry(reconcilesConntrack), BehaviourEntry(cleansUnservedConntrack),
      BehaviourEntry(healthzSeesLeavingNodes), BehaviourEntry(tokenBucketRunner),
      BehaviourEntry(nftablesDirectTranslation), BehaviourEntry(nftablesKnowsServiceCIDRs),
      BehaviourEntry(proxyExitsOnAddressChange),
    ]
  }
}
