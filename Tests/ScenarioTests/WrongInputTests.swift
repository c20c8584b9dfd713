// SPDX-License-Identifier: GPL-3.0-or-later
//
// What users get for wrong scenarios: one line per mistake with file, line, column, path, what was expected
// and the nearest known name; all mistakes at once; soon, whatever the file holds.

import Foundation
import Testing

@testable import Scenario

struct WrongInput: CustomTestStringConvertible, Sendable {
  var good: String
  var bad: String
  var line: String
  var testDescription: String { bad }
}

@Suite struct WrongInputTests {
  static let cases: [WrongInput] = [
    .init(
      good: #""rate": "50/s""#, bad: #""rat": "50/s""#,
      line: #"t.json:33:57: clients[0].rat: unknown key "rat"; did you mean "rate"?"#),
    .init(
      good: #""rate": "50/s""#, bad: #""rate": 50"#,
      line:
        #"t.json:33:65: clients[0].rate: expected a rate with a unit (/s, /m, /h) such as "50/s", found 50"#),
    .init(
      good: #""rate": "50/s""#, bad: #""rate": "-50/s""#,
      line: #"t.json:33:65: clients[0].rate: expected a rate that is not negative, found "-50/s""#),
    .init(
      good: #""rate": "50/s""#, bad: #""rate": "50/sec""#,
      line:
        #"t.json:33:65: clients[0].rate: expected a rate with a unit (/s, /m, /h) such as "50/s", found "50/sec""#
    ),
    .init(
      good: #""rate": "50/s""#, bad: #""rate": "1000000000000/s""#,
      line:
        #"t.json:33:65: clients[0].rate: expected a rate of at most 1000000000/s, found "1000000000000/s""#),
    .init(
      good: #""rate": "50/s""#, bad: #""rate": "5/s", "arrivals": {"every": "1s"}"#,
      line: #"t.json:33:72: clients[0].arrivals: "arrivals" and "rate" exclude each other"#),
    .init(
      good: #""duration": "1m""#, bad: #""duration": 60"#,
      line:
        #"t.json:8:15: duration: expected a duration with a unit (ns, us, ms, s, m, h) such as "250ms", found 60"#
    ),
    .init(
      good: #""duration": "1m""#, bad: #""durations": "1m""#,
      line: #"t.json:8:3: durations: unknown key "durations"; did you mean "duration"?"#),
    .init(
      good: #""duration": "1m","#, bad: #""#,
      line:
        #"t.json:1:1: missing key "duration": a duration with a unit (ns, us, ms, s, m, h) such as "250ms""#),
    .init(
      good: #""duration": "1m""#, bad: #""duration": "1 minute""#,
      line:
        #"t.json:8:15: duration: expected a duration with a unit (ns, us, ms, s, m, h) such as "250ms", found "1 minute""#
    ),
    .init(
      good: #""cores": 8"#, bad: #""cores": "8""#,
      line: #"t.json:20:101: cluster.nodes[0].cores: expected an integer from 1 to 4096, found "8""#),
    .init(
      good: #""cores": 8"#, bad: #""cores": 1000000000000"#,
      line: #"t.json:20:101: cluster.nodes[0].cores: expected an integer from 1 to 4096, found 1000000000000"#
    ),
    .init(
      good: #""count": 3"#, bad: #""count": 1000000000000"#,
      line:
        #"t.json:32:76: clients[0].from.outside.count: expected an integer from 1 to 65536, found 1000000000000"#
    ),
    .init(
      good: #""172.18.0.3""#, bad: #""172.18.0.3.1""#,
      line:
        #"t.json:20:49: cluster.nodes[0].addresses[0]: expected an IPv4 address such as "172.18.0.3", found "172.18.0.3.1""#
    ),
    .init(
      good: #""default/web""#, bad: #""default/wbe""#,
      line:
        #"t.json:33:25: clients[0].to.service: expected the name of a Service as "namespace/name", found "default/wbe"; did you mean "default/web"?"#
    ),
    .init(
      good: #""http"}, "rate""#, bad: #""htpp"}, "rate""#,
      line:
        #"t.json:33:48: clients[0].to.port: expected the name of a port of the Service, found "htpp"; did you mean "http"?"#
    ),
    .init(
      good: #""rebootNode": "n1""#, bad: #""rebootNode": "n11""#,
      line:
        #"t.json:36:33: events[0].rebootNode: expected the name of a node, found "n11"; did you mean "n1"?"#),
    .init(
      good: #""rebootNode": "n1""#, bad: #""rebotNode": "n1""#,
      line: #"t.json:36:19: events[0].rebotNode: unknown key "rebotNode"; did you mean "rebootNode"?"#),
    .init(
      good: #""replicas": 2"#, bad: #""replicas": 1000000000000"#,
      line:
        #"t.json:14:28: objects[1].spec.replicas: Deployment default/web: expected at most 150000 replicas, found 1000000000000"#
    ),
    .init(
      good: #"{"app": "web"}}, "serviceTime""#, bad: #"{"app": "wab"}}, "serviceTime""#,
      line:
        #"t.json:30:39: servers[0].pods: no pod in namespace "default" with labels app=wab; did you mean "app=web"?"#
    ),
    .init(
      good: #""until": "50s""#, bad: #""from": "55s", "until": "50s""#,
      line: #"t.json:39:90: processes[0].until: expected a time after "from", 55s, found "50s""#),
    .init(
      good: #""name": "n2""#, bad: #""name": "n1""#,
      line: #"t.json:21:16: cluster.nodes[1].name: expected a name that no other node has, found "n1""#),
    .init(
      good: #"{"bin": "1s"}"#, bad: #"[]"#,
      line: #"t.json:41:13: report: expected an object, found an empty list"#),
    .init(
      good: #""mode": "nftables""#, bad: #""mode": "nftable""#,
      line:
        #"t.json:21:40: cluster.nodes[1].proxy.mode: expected one of "iptables", "ipvs", "nftables", "ebpf", found "nftable"; did you mean "nftables"?"#
    ),
    .init(
      good: #""mean": "5ms""#, bad: #""men": "5ms""#,
      line: #"t.json:30:99: servers[0].serviceTime.exponential.men: unknown key "men"; did you mean "mean"?"#),
    .init(
      good: #""mean": "5ms""#, bad: #""mean": 5"#,
      line:
        #"t.json:30:107: servers[0].serviceTime.exponential.mean: expected a duration with a unit (ns, us, ms, s, m, h) such as "250ms", found 5"#
    ),
    .init(
      good: #""loss": 0.001"#, bad: #""loss": -0.001"#,
      line: #"t.json:29:44: network.loss: expected a number from 0 to 1, found -0.001"#),
    .init(
      good: #""objects": ["#, bad: #""manifests": ["no/such.yaml"], "objects": ["#,
      line: #"t.json:10:17: manifests[0]: cannot use no/such.yaml: no such file"#),
    .init(
      good: #""objects": ["#, bad: #""manifests": ["/usr/bin"], "objects": ["#,
      line: #"t.json:10:17: manifests[0]: cannot use /usr/bin: the folder holds no .yaml, .yml or .json file"#
    ),
    .init(
      good: #""report": {"bin": "1s"}"#, bad: #""report": {"bin": "1s"},"#,
      line: #"t.json:42:1: JSON syntax: expected another key after the comma"#),
    .init(
      good: #""report": {"bin": "1s"}"#, bad: #""name": "x""#,
      line: #"t.json:41:3: the key "name" appears twice"#),
  ]

  @Test(arguments: cases)
  func aMistakeGivesOneLine(_ input: WrongInput) {
    let text = TestScenario.text.replacing(input.good, with: input.bad)
    #expect(text != TestScenario.text)
    #expect(TestScenario.mistakes(text) == [input.line])
  }

  @Test func allMistakesOfAFileAreReportedFromTopToBottom() {
    var text = TestScenario.text
    for (good, bad) in [
      ("\"seed\": 7", "\"sed\": 7"), ("\"cores\": 8", "\"cores\": 0"),
      ("\"rate\": \"50/s\"", "\"rate\": \"x\""),
      ("\"rebootNode\": \"n1\"", "\"rebootNode\": \"n7\""), ("\"port\": \"http\"", "\"port\": \"https\""),
    ] {
      text = text.replacing(good, with: bad)
    }
    let mistakes = TestScenario.mistakes(text)
    #expect(
      mistakes.map { $0.split(separator: ":")[1] + ":" + $0.split(separator: ":")[3] } == [
        "7: sed", "20: cluster.nodes[0].cores", "33: clients[0].to.port", "33: clients[0].rate",
        "36: events[0].rebootNode",
      ])
  }

  @Test func yamlScenariosGetTheSameMessages() {
    let text = """
      duration: 60
      cluster:
        nodes:
          - name: n1
            zon: a
      clients:
        - name: c
          from: {nodes: [n1]}
          to: {service: web}
          rate: 50/s
      """
    let duration = "expected a duration with a unit (ns, us, ms, s, m, h) such as \"250ms\", found 60"
    #expect(
      TestScenario.mistakes(text, path: "s.yaml") == [
        "s.yaml:1:11: duration: \(duration)",
        "s.yaml:5:7: cluster.nodes[0].zon: unknown key \"zon\"; did you mean \"zone\"?",
        "s.yaml:9:19: clients[0].to.service: expected the name of a Service as \"namespace/name\", found web",
      ])
  }

  @Test func unquotedNumbersAreToldToBeQuoted() {
    let mistakes = TestScenario.mistakes(
      "duration: 1s\nname: 7\ncluster: {nodes: [{name: n1}]}", path: "s.yaml")
    #expect(
      mistakes == [
        "s.yaml:2:7: name: expected a name of letters, digits, '.', '_' and '-' in quotes, found 7"
      ])
  }

  @Test func severalDocumentsAreNoScenario() {
    let mistakes = TestScenario.mistakes("duration: 1s\n---\nduration: 2s\n", path: "s.yaml")
    #expect(mistakes == ["s.yaml:3:1: expected one document in a scenario file, found 2"])
  }

  @Test(arguments: ["[]", "null", "\"x\"", "3"])
  func whatIsNoObjectIsNoScenario(text: String) {
    let mistakes = TestScenario.mistakes(text, path: "s.json")
    #expect(mistakes.first?.hasPrefix("s.json:1:1: ") == true)
    #expect(mistakes.first?.contains("expected an object") == true || text == "null")
  }

  // MARK: Files that a scenario names

  @Test func mistakesInNamedFilesKeepTheirOwnPlaces() throws {
    let folder = try TemporaryFolder([
      "s.json": """
      {"duration": "1s", "manifests": ["m", "gone.yaml"], "cluster": {"nodes": [{"name": "n1"}],
       "timing": {"podStart": {"empirical": {"file": "t.csv", "column": "ms", "unit": "ms"}},
                  "podReady": {"empirical": {"file": "t.csv", "column": "mss", "unit": "ms"}}}}}
      """,
      "m/a.yaml": "kind: Service\nmetadata: {name: a\nspec: {}\n",
      "m/b.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {prots: []}\n",
      "m/notes.txt": "not a manifest",
      "t.csv": "n,ms\n1,2.5\n2,fast\n",
    ])
    let error = try #require(throws: ScenarioError.self) {
      try ScenarioLoader.load(path: folder.path + "/s.json")
    }
    #expect(error.exitCode == 66)
    let lines = error.diagnostics.map { $0.description.replacing(folder.path + "/", with: "") }
    #expect(
      lines == [
        "s.json:1:39: manifests[1]: cannot use gone.yaml: no such file",
        "m/a.yaml:3:5: YAML syntax: did not find expected ',' or '}' while parsing a flow mapping that began at line 2",
        "m/b.yaml:4:8: spec.prots: unknown field \"spec.prots\"; did you mean \"ports\"?",
        "t.csv:3:1: column \"ms\": expected a number from 0 on, found \"fast\"",
        "t.csv:1:1: no column \"mss\"; did you mean \"ms\"?",
      ])
  }

  @Test func whatIsNotModelledStopsUnlessAccepted() {
    let policy =
      "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\"}, {\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\"}"
    let text = TestScenario.text.replacing("\"objects\": [", with: "\"objects\": [\(policy),")
    #expect(TestScenario.mistakes(text) == [])
    let strict = text.replacing("[\"NetworkPolicy\"]", with: "[]")
    #expect(
      TestScenario.mistakes(strict) == [
        "t.json:10:15: NetworkPolicy would change the answer but is not modelled; "
          + "add \"NetworkPolicy\" to \"accept\" to run without it"
      ])
  }

  @Test func whatTheAPIServerRefusesIsRefusedInItsWords() {
    let text = TestScenario.text.replacing("\"port\": 80}", with: "\"port\": 80, \"nodePort\": 80}")
    #expect(
      TestScenario.mistakes(text) == [
        "t.json:12:115: objects[0]: The Service \"web\" is invalid: spec.ports[0].nodePort: Invalid value: 80: "
          + "provided port is not in the valid range. The range of valid ports is 30000-32767"
      ])
  }

  // MARK: Hostile input, through the front door

  @Test(arguments: [
    ("empty.json", "", "the file is empty"),
    ("space.json", "  \n", "the file holds no document"),
    ("binary.json", "\u{1}\0\u{2}", "not a text file: NUL byte"),
    ("deep.json", String(repeating: "{\"a\":", count: 2_000_000), "nested more than 100 levels deep"),
    ("deep.yaml", String(repeating: "- ", count: 5_000_000), "nested more than 100 levels deep"),
    ("flow.yaml", String(repeating: "{a: ", count: 2_500_000), "nested more than 100 levels deep"),
    ("long.json", "[" + String(repeating: "1,", count: 2_000_000) + "1]", "more than 1000000 values"),
  ])
  func hostileFilesAreRefusedSoon(name: String, text: String, message: String) throws {
    let folder = try TemporaryFolder([name: text])
    let start = ContinuousClock.now
    let mistakes = ScenarioLoader.validate(
      path: "\(folder.path)/\(name)")
    #expect(mistakes.count == 1)
    #expect(mistakes.first?.message == message)
    // A bound on work, not a benchmark: a hang is minutes.
    #expect(ContinuousClock.now - start < .seconds(30))
  }

  @Test func aThousandTimesAThousandMistakesAreCounted() throws {
    let text =
      "{\"duration\": \"1s\", \"clients\": [" + Array(repeating: "{}", count: 20_000).joined(separator: ",")
      + "]}"
    let error = try #require(throws: ScenarioError.self) { try TestScenario.load(text) }
    #expect(error.description.split(separator: "\n").count == 101)
    #expect(error.diagnostics.count > 60_000)
  }

  @Test func aBombOfAliasesIsNoScenario() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in 1...30 { text += "a\(i): &a\(i) {a: *a\(i - 1), b: *a\(i - 1), c: *a\(i - 1)}\n" }
    let mistakes = TestScenario.mistakes(text, path: "bomb.yaml")
    #expect(mistakes == ["bomb.yaml:11:31: more than 1000000 values, aliases counted as what they stand for"])
  }
}

/// A folder with files, removed when the value goes.
final class TemporaryFolder {
  let path: String
  init(_ files: [String: String]) throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    path = root.path
    for (name, text) in files {
      let file = root.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
}
