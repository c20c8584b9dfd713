// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about the controllers that write EndpointSlices, and about the way from the API
// server to those who watch it. Keys and defaults are those of EndpointControllerSettings and
// WatchSettings, where their sources stand.

extension ScenarioFormat {
  static let endpointController = Shape.object(
    ObjectShape([
      Field(
        "workers", .integer(1...50), standard: "5",
        "--concurrent-service-endpoint-syncs: Services worked on at the same time."),
      Field(
        "endpointsPerSlice", .integer(1...1000), standard: "100",
        "--max-endpoints-per-slice: endpoints in one slice at most."),
      Field(
        "batchPeriod", .duration(), standard: "\"0s\"",
        "--endpointslice-updates-batch-period: a change of a pod waits so long for others."),
      Field(
        "apiQPS", .number(.above(0, to: 1e6)), standard: "20",
        "--kube-api-qps: slices that a controller writes per second."),
      Field(
        "apiBurst", .integer(1...1_000_000), standard: "30",
        "--kube-api-burst: writes before that limit counts."),
      Field(
        "writeTime", .duration(isPositive: true), standard: "\"5ms\"",
        "A worker's time for one slice; that of the first is part of `timing.endpointController`."),
      Field(
        "ownWatch", quantity, standard: "uniform 2ms to 10ms",
        "A slice written until the controller's own cache has it; a sync before that is put off by 1s or more."
      ),
      Field("mirroring", mirroring, "Endpoints written by hand, copied into slices."),
    ]))

  private static let mirroring = Shape.object(
    ObjectShape([
      Field(
        "workers", .integer(1...50), standard: "5", "--mirroring-concurrent-service-endpoint-syncs."),
      Field(
        "endpointsPerSubset", .integer(1...1000), standard: "1000",
        "--mirroring-max-endpoints-per-subset: addresses of a subset that are copied."),
      Field(
        "batchPeriod", .duration(), standard: "\"0s\"", "--mirroring-endpointslice-updates-batch-period."),
    ]))

  static let watch = Shape.object(
    ObjectShape([
      Field(
        "timeout", .duration(), standard: "\"5m\"",
        "A watch is closed after a time between this and twice this, and opened again; 0s: never."),
      Field("reconnect", quantity, standard: "uniform 2ms to 10ms", "Watch closed until it is open again."),
      Field(
        "controllersReturn", quantity, standard: "uniform 2s to 15s",
        "API server back until the controllers work, after an outage of 10s or longer."),
    ]))

  static let controlPlaneActions: [ObjectShape.Variant] = [
    .init(
      Field("restartAPIServer", .yes, required: true, "The API server is away for a while."),
      with: [Field("downFor", quantity, standard: "\"5s\"", "For so long.")]),
    .init(
      Field(
        "failEndpointSync", .text(.namespacedName), required: true,
        "Writes of a Service's EndpointSlices fail; \"all\": of every Service's."),
      with: [
        Field("probability", share, standard: "1", "Share of writes that fail."),
        Field("for", quantity, standard: "to the end", "For so long."),
      ]),
  ]
}
