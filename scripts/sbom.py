"""Writes what the release is made of as CycloneDX 1.6, from Cargo.lock and end2end/package-lock.json, and holds it to the
schema: sbom.py FILE. The same sources give the same bytes.

Crates that are compiled in are `required`. What only builds or tests (build scripts, npm packages) is `excluded`: it is not in
what runs. Crates that only tests use are left out.
"""

import base64
import json
import pathlib
import subprocess
import sys
import tomllib
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def crates():
    """The crates of both builds, each for its platform, by id; the root's id; what each needs: normal and build."""
    machine = next(line.split(": ")[1] for line in output("rustc", "-vV").splitlines() if line.startswith("host: "))
    packages, needs = {}, {}
    for build, platform in [("ssr", machine), ("hydrate", "wasm32-unknown-unknown")]:
        command = ["cargo", "metadata", "--format-version", "1", "--locked", "--no-default-features", "--features", build, "--filter-platform", platform]
        metadata = json.loads(output(*command))
        packages |= {package["id"]: package for package in metadata["packages"]}
        for node in metadata["resolve"]["nodes"]:
            of_node = needs.setdefault(node["id"], {"normal": set(), "build": set()})
            for needed in node["deps"]:
                kinds = {kind["kind"] for kind in needed["dep_kinds"]}
                of_node["normal"] |= {needed["pkg"]} if None in kinds else set()
                of_node["build"] |= {needed["pkg"]} if "build" in kinds else set()
    return packages, metadata["resolve"]["root"], needs


def reached(start, needs, kinds):
    """All that is needed from there, by these kinds of need."""
    found, open_ends = set(), [start]
    while open_ends:
        package = open_ends.pop()
        if package not in found:
            found.add(package)
            open_ends += [needed for kind in kinds for needed in needs[package][kind]]
    return found


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def crate_components(packages, root, needs):
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}
    compiled_in = reached(root, needs, ["normal"])
    for identity in reached(root, needs, ["normal", "build"]) - {root}:
        package = packages[identity]
        if not package["license"]:
            sys.exit(f"sbom: {purl(package)} names no licence")
        # The crates of this repository have no checksum.
        checksum = checksums[package["name"], package["version"]]
        yield {
            "type": "library",
            "bom-ref": purl(package),
            "name": package["name"],
            "version": package["version"],
            "scope": "required" if identity in compiled_in else "excluded",
            **({"hashes": [{"alg": "SHA-256", "content": checksum}]} if checksum else {}),
            # The older way of writing OR, which is no SPDX expression.
            "licenses": [{"expression": package["license"].replace("/", " OR ")}],
            "purl": purl(package),
        }


def npm_components():
    lock = json.loads((ROOT / "end2end/package-lock.json").read_text())
    for path, package in lock["packages"].items():
        if not path:
            continue
        name = package.get("name") or path.rsplit("node_modules/", 1)[-1]
        reference = f"pkg:npm/{name.replace('@', '%40')}@{package['version']}"
        algorithm, digest = package["integrity"].split("-", 1)
        component = {
            "type": "library",
            "bom-ref": reference,
            "name": name,
            "version": package["version"],
            "scope": "excluded",
            "hashes": [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": base64.b64decode(digest).hex()}],
            "purl": reference,
        }
        if "license" in package:
            component["licenses"] = [{"expression": package["license"]}]
        yield component


def document():
    packages, root, needs = crates()
    inside = reached(root, needs, ["normal", "build"])
    components = {component["bom-ref"]: component for component in [*crate_components(packages, root, needs), *npm_components()]}
    own = packages[root]
    content = {
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": purl(own),
                "name": own["name"],
                "version": own["version"],
                "licenses": [{"expression": own["license"]}],
                "purl": purl(own),
            }
        },
        "components": [components[reference] for reference in sorted(components)],
        "dependencies": sorted(
            (
                {
                    "ref": purl(packages[identity]),
                    "dependsOn": sorted({purl(packages[needed]) for kind in needs[identity].values() for needed in kind}),
                }
                for identity in inside
            ),
            key=lambda dependency: dependency["ref"],
        ),
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1, **content}


def main():
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = json.dumps(document(), indent=1)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if problem:
        sys.exit(f"sbom: not as CycloneDX 1.6 asks: {problem}")
    pathlib.Path(sys.argv[1]).write_text(text + "\n")
    scopes = [component["scope"] for component in json.loads(text)["components"]]
    print(f"sbom: {scopes.count('required')} crates compiled in, {scopes.count('excluded')} only to build and test: {sys.argv[1]}")


if __name__ == "__main__":
    main()
