// SPDX-License-Identifier: GPL-3.0-or-later
//
// The fields that the Kubernetes API (1.36), kube-proxy's configuration and kind's Cluster know at the places
// that are read here, used or not: so that a misspelt one can be told from one that the model has no use for.

/// Field names at one place.
struct FieldNames {
  let known: [String]
  /// Nothing else exists here. Open places are those whose type is large and grows with each release.
  let isClosed: Bool

  private init(_ names: String, isClosed: Bool = false) {
    known = names.split(whereSeparator: \.isWhitespace).map(String.init)
    self.isClosed = isClosed
  }

  static let topLevel = "apiVersion kind metadata "
  static let metadata = FieldNames(
    """
    name generateName namespace labels annotations uid resourceVersion generation creationTimestamp
    deletionTimestamp deletionGracePeriodSeconds finalizers managedFields ownerReferences selfLink clusterName
    """)
  static let ownerReference = FieldNames("apiVersion kind name uid controller blockOwnerDeletion")

  static let service = FieldNames(topLevel + "spec status", isClosed: true)
  static let serviceSpec = FieldNames(
    """
    ports selector clusterIP clusterIPs type externalIPs sessionAffinity loadBalancerIP
    loadBalancerSourceRanges externalName externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses
    sessionAffinityConfig ipFamilies ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass
    internalTrafficPolicy trafficDistribution
    """, isClosed: true)
  static let servicePort = FieldNames("name protocol appProtocol port targetPort nodePort", isClosed: true)
  static let affinityConfig = FieldNames("clientIP", isClosed: true)
  static let clientIPConfig = FieldNames("timeoutSeconds", isClosed: true)
  static let serviceStatus = FieldNames("loadBalancer conditions")
  static let loadBalancerStatus = FieldNames("ingress", isClosed: true)
  static let ingress = FieldNames("ip hostname ipMode ports", isClosed: true)

  static let slice = FieldNames(topLevel + "addressType endpoints ports", isClosed: true)
  static let endpoint = FieldNames(
    "addresses conditions hostname targetRef deprecatedTopology nodeName zone hints", isClosed: true)
  static let conditions = FieldNames("ready serving terminating", isClosed: true)
  static let hints = FieldNames("forZones forNodes", isClosed: true)
  static let hint = FieldNames("name", isClosed: true)
  static let endpointPort = FieldNames("name port protocol appProtocol", isClosed: true)
  static let endpoints = FieldNames(topLevel + "subsets", isClosed: true)
  static let subset = FieldNames("addresses notReadyAddresses ports", isClosed: true)
  static let endpointAddress = FieldNames("ip hostname nodeName targetRef", isClosed: true)
  static let objectReference = FieldNames("kind namespace name uid apiVersion resourceVersion fieldPath")

  static let pod = FieldNames(topLevel + "spec status", isClosed: true)
  static let podSpec = FieldNames(
    """
    volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds
    activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount
    automountServiceAccountToken
    nodeName hostNetwork hostPID hostIPC shareProcessNamespace securityContext imagePullSecrets hostname
    subdomain affinity schedulerName tolerations hostAliases priorityClassName priority dnsConfig
    readinessGates runtimeClassName enableServiceLinks preemptionPolicy overhead topologySpreadConstraints
    setHostnameAsFQDN os hostUsers schedulingGates resourceClaims resources hostnameOverride
    """)
  static let dnsConfig = FieldNames("nameservers searches options", isClosed: true)
  static let dnsOption = FieldNames("name value", isClosed: true)
  static let container = FieldNames(
    """
    name image command args workingDir ports envFrom env resources resizePolicy restartPolicy
    restartPolicyRules volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle
    terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty
    """)
  static let probe = FieldNames(
    """
    exec httpGet tcpSocket grpc initialDelaySeconds timeoutSeconds periodSeconds successThreshold
    failureThreshold terminationGracePeriodSeconds
    """, isClosed: true)
  static let lifecycle = FieldNames("postStart preStop stopSignal", isClosed: true)
  static let lifecycleHandler = FieldNames("exec httpGet tcpSocket sleep", isClosed: true)
  static let containerPort = FieldNames("name hostPort containerPort protocol hostIP", isClosed: true)
  static let podStatus = FieldNames(
    """
    observedGeneration phase conditions message reason nominatedNodeName hostIP hostIPs podIP podIPs startTime
    initContainerStatuses containerStatuses qosClass ephemeralContainerStatuses resize resourceClaimStatuses
    """)

  static let workload = FieldNames(topLevel + "spec status", isClosed: true)
  static let workloadSpec = FieldNames(
    """
    replicas selector template strategy updateStrategy minReadySeconds revisionHistoryLimit paused
    progressDeadlineSeconds serviceName podManagementPolicy volumeClaimTemplates
    persistentVolumeClaimRetentionPolicy ordinals
    """)
  static let budgetSpec = FieldNames(
    "minAvailable maxUnavailable selector unhealthyPodEvictionPolicy", isClosed: true)
  static let autoscalerSpec = FieldNames(
    "scaleTargetRef minReplicas maxReplicas metrics behavior", isClosed: true)
  static let selector = FieldNames("matchLabels matchExpressions", isClosed: true)
  static let requirement = FieldNames("key operator values", isClosed: true)
  static let template = FieldNames("metadata spec", isClosed: true)
  static let strategy = FieldNames("type rollingUpdate", isClosed: true)
  static let rollingUpdate = FieldNames("maxSurge maxUnavailable partition", isClosed: true)

  static let node = FieldNames(topLevel + "spec status", isClosed: true)
  static let nodeSpec = FieldNames(
    "podCIDR podCIDRs providerID unschedulable taints configSource externalID")
  static let nodeStatus = FieldNames(
    """
    capacity allocatable phase conditions addresses daemonEndpoints nodeInfo images volumesInUse
    volumesAttached config runtimeHandlers features declaredFeatures
    """)

  static let proxyConfiguration = FieldNames(
    """
    apiVersion kind featureGates clientConnection logging hostnameOverride bindAddress healthzBindAddress
    metricsBindAddress bindAddressHardFail enableProfiling showHiddenMetricsForVersion mode iptables ipvs
    nftables winkernel detectLocalMode detectLocal clusterCIDR nodePortAddresses oomScoreAdj conntrack
    configSyncPeriod portRange windowsRunAsService udpIdleTimeout
    """, isClosed: true)
  static let proxyRules = FieldNames(
    """
    masqueradeBit masqueradeAll localhostNodePorts syncPeriod minSyncPeriod scheduler excludeCIDRs strictARP
    tcpTimeout tcpFinTimeout udpTimeout
    """, isClosed: true)
  static let conntrack = FieldNames(
    """
    maxPerCore min tcpEstablishedTimeout tcpCloseWaitTimeout tcpBeLiberal udpTimeout udpStreamTimeout max
    """, isClosed: true)

  static let kindCluster = FieldNames(
    """
    apiVersion kind name nodes networking featureGates runtimeConfig kubeadmConfigPatches
    kubeadmConfigPatchesJSON6902 containerdConfigPatches containerdConfigPatchesJSON6902
    """, isClosed: true)
  static let kindNode = FieldNames(
    """
    role image labels extraMounts extraPortMappings kubeadmConfigPatches kubeadmConfigPatchesJSON6902
    """, isClosed: true)
  static let kindNetworking = FieldNames(
    """
    ipFamily apiServerPort apiServerAddress podSubnet serviceSubnet disableDefaultCNI kubeProxyMode dnsSearch
    """, isClosed: true)
}
