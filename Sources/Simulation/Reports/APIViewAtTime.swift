import Cluster
import Scenario
import SimKernel

extension SimulationRun {
  public static func apiView(_ scenario: ScenarioFile, at time: SimTime) throws -> APIView {
    var control = try ControlPlane(settings: scenario.cluster, objects: scenario.objects, seed: scenario.seed)
    var out = ControlPlaneOutput()
    control.start(into: &out)
    var view = control.apiView()
    view.now = time
    return view
  }
}
