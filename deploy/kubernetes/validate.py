#!/usr/bin/env python3
"""Holds the manifests against the schemas that Kubernetes and KEDA publish.

  validate.py CRD_DIRECTORY [VERSION]

Kubernetes' schemas come with the Python package kubernetes-validate; KEDA's are in its Go module, config/crd/bases.
Overlays are rendered by kustomize, or kubectl. Prints a line for each document; exits 1 where one is wrong.
"""
import glob
import os
import shutil
import subprocess
import sys

import jsonschema
import kubernetes_validate
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))


def closed(schema):
    """The same schema, where a field that it does not list is wrong: an API server would drop it in silence."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        result.setdefault("additionalProperties", schema.get("x-kubernetes-preserve-unknown-fields", False))
    return result


def custom_schemas(directory):
    schemas = {}
    for file in glob.glob(os.path.join(directory, "*.yaml")):
        with open(file, encoding="utf-8") as text:
            definition = yaml.safe_load(text)
        for version in definition["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            schema["properties"]["metadata"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
            kind = definition["spec"]["group"] + "/" + version["name"], definition["spec"]["names"]["kind"]
            schemas[kind] = closed(schema)
    if not schemas:
        sys.exit(f"validate.py: no custom resource definition in {directory}")
    return schemas


def render(overlay):
    program = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    return subprocess.run(program + [overlay], check=True, stdout=subprocess.PIPE).stdout


def main():
    custom = custom_schemas(sys.argv[1])
    version = sys.argv[2] if len(sys.argv) > 2 else "1.34"
    sources = {os.path.relpath(o, HERE): render(o) for o in sorted(glob.glob(os.path.join(HERE, "overlays/*"))) + [os.path.join(HERE, "base")]}
    with open(os.path.join(HERE, "secret.example.yaml"), "rb") as example:
        sources["secret.example.yaml"] = example.read()
    wrong = 0
    for source, text in sources.items():
        for document in yaml.safe_load_all(text):
            name = f"{source}: {document['kind']} {document['metadata']['name']}"
            schema = custom.get((document["apiVersion"], document["kind"]))
            try:
                if schema is None:
                    kubernetes_validate.validate(document, version, strict=True)
                else:
                    jsonschema.Draft202012Validator(schema).validate(document)
                print(name, "is valid")
            except (jsonschema.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                wrong += 1
                print(name, "is wrong:", error)
    sys.exit(1 if wrong else 0)


main()
