#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What check.sh asks of the Kubernetes templates: whether the fields that they rely on agree with each other, and
# which command a pod of an index runs.
#
#   templates.py check FILE                           mistakes, one a line, on standard error; exit code 1
#   templates.py job FILE                             the Job alone, as YAML
#   templates.py kept FILE TYPED                      whether TYPED, the Job after kubectl's own types, still has all of FILE's
#   templates.py command FILE INDEX [MOUNT=FOLDER]    the container's command, one argument a line
#   templates.py shards FILE                          how many pods there are
import re
import sys

import yaml


def documents(path):
    with open(path, encoding="utf-8") as file:
        return [document for document in yaml.load_all(file, Loader=StrictLoader) if document]


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML readers keep one."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"the key {key} twice{node.start_mark}")
        return super().construct_mapping(node, deep=deep)


def job(path):
    jobs = [document for document in documents(path) if document.get("kind") == "Job"]
    if len(jobs) != 1:
        sys.exit(f"{path}: expected one Job, found {len(jobs)}")
    return jobs[0]


def arguments(container):
    return container["command"] + container["args"]


def mistakes(path):
    """Yields what the API server would refuse or a pod would fail on."""
    document = job(path)
    spec, pod = document["spec"], document["spec"]["template"]["spec"]
    if document["apiVersion"] != "batch/v1":
        yield "a Job is batch/v1"
    # ValidateJob in pkg/apis/batch/validation refuses both with another restartPolicy.
    if pod.get("restartPolicy") != "Never":
        yield "podFailurePolicy and backoffLimitPerIndex need restartPolicy Never"
    containers = pod["containers"]
    if len(containers) != 1:
        yield "expected one container"
    container = containers[0]
    for argument in arguments(container):
        if not isinstance(argument, str):
            yield f"the argument {argument!r} is no string"
    yield from mounts(documents(path), pod, container)
    yield from rights(pod, container)
    for rule in spec["podFailurePolicy"]["rules"]:
        name = rule.get("onExitCodes", {}).get("containerName", container["name"])
        if name != container["name"]:
            yield f"podFailurePolicy speaks of a container {name}"
        values = rule.get("onExitCodes", {}).get("values", [1])
        if values != sorted(set(values)) or 0 in values:
            yield "exit codes are in order, each once, without 0"
    if "--shard" in container["args"]:
        yield from indexes(spec, container)


def indexes(spec, container):
    if spec.get("completionMode") != "Indexed":
        yield "shards need completionMode Indexed"
    shard = container["args"][container["args"].index("--shard") + 1]
    if shard != f"$(JOB_COMPLETION_INDEX)/{spec['completions']}":
        yield f"--shard {shard} does not go with completions {spec['completions']}"
    if not 1 <= spec["parallelism"] <= spec["completions"]:
        yield "parallelism is from 1 to completions"
    if spec.get("maxFailedIndexes", 0) > spec["completions"]:
        yield "maxFailedIndexes is at most completions"


def mounts(all_documents, pod, container):
    volumes = {volume["name"] for volume in pod["volumes"]}
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    if volumes != mounted:
        yield f"volumes {sorted(volumes)}, mounted {sorted(mounted)}"
    folders = [mount["mountPath"] for mount in container["volumeMounts"]]
    for path in (argument for argument in container["args"] if argument.startswith("/")):
        if not any(path.startswith(folder + "/") for folder in folders):
            yield f"{path} is in no volume"
    claims = {d["metadata"]["name"] for d in all_documents if d["kind"] == "PersistentVolumeClaim"}
    used = {v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if "persistentVolumeClaim" in v}
    if claims and claims != used:
        yield f"claims {sorted(claims)}, used {sorted(used)}"


def rights(pod, container):
    if not pod["securityContext"].get("runAsNonRoot") or not pod["securityContext"].get("runAsUser"):
        yield "runs as root"
    own = container["securityContext"]
    if own.get("allowPrivilegeEscalation") or not own.get("readOnlyRootFilesystem"):
        yield "the container has more rights than it needs"
    if own["capabilities"]["drop"] != ["ALL"]:
        yield "capabilities are dropped"
    if "requests" not in container["resources"] or "memory" not in container["resources"]["limits"]:
        yield "no resources"
    if not re.fullmatch(r"[^:@]+(:[0-9]+/[^:@]+)?(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})", container["image"]):
        yield f"the image {container['image']} has no fixed version"


def lost(wanted, typed, path=""):
    """Yields fields of `wanted` that `typed` lacks or has otherwise: misspelt, or in a wrong place."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            if not isinstance(typed, dict) or key not in typed:
                yield f"{path}.{key}"
            else:
                yield from lost(value, typed[key], f"{path}.{key}")
    elif isinstance(wanted, list):
        for index, value in enumerate(wanted):
            found = typed[index] if isinstance(typed, list) and index < len(typed) else None
            yield from lost(value, found, f"{path}[{index}]")
    elif wanted != typed:
        yield path


def command(path, index, folders):
    container = job(path)["spec"]["template"]["spec"]["containers"][0]
    for argument in arguments(container):
        # As the kubelet expands what stands in $(...) and is a variable of the container.
        argument = argument.replace("$(JOB_COMPLETION_INDEX)", index)
        for mount, folder in (pair.split("=", 1) for pair in folders):
            if argument.startswith(mount + "/"):
                argument = folder + argument[len(mount):]
        yield argument


def main(verb, path, *rest):
    if verb == "check":
        found = list(mistakes(path))
    elif verb == "kept":
        with open(rest[0], encoding="utf-8") as file:
            typed = yaml.safe_load(file)
        gone = [name.lstrip(".") for name in lost(job(path), typed)]
        # kubectl prints an object only if it changes it, and the image is what it is told to change.
        found = [f"kubectl knows no field {name}" for name in gone if not name.endswith("containers[0].image")]
    elif verb == "job":
        return print(yaml.safe_dump(job(path)), end="")
    elif verb == "shards":
        return print(job(path)["spec"]["completions"])
    else:
        return print("\n".join(command(path, *rest[:1], rest[1:])))
    for mistake in found:
        print(f"{path}: {mistake}", file=sys.stderr)
    sys.exit(bool(found))


main(*sys.argv[1:])
