"""Judges answers of the gateway by its description: judge_answers.py OPENAPI TASK_SCHEMA ANSWERS

Stricter than a client should be: an answer may have no member that the description does not name."""
import json, re, sys
import yaml
from jsonschema import Draft202012Validator

def localised(schema):
    """The task schema with its references made to point into the description, below /task."""
    if isinstance(schema, list): return [localised(one) for one in schema]
    if not isinstance(schema, dict): return schema
    return {
        name: one.replace("#/", "#/task/") if name == "$ref" else localised(one)
        for name, one in schema.items() if name != "$id"
    }

def closed(schema):
    """The description with all objects closed and the task schema found below /task."""
    if isinstance(schema, list): return [closed(one) for one in schema]
    if not isinstance(schema, dict): return schema
    schema = {name: closed(one) for name, one in schema.items()}
    if schema.get("$ref") == "/v1/schemas/task.json": schema["$ref"] = "#/task"
    if "properties" in schema and schema.get("type") == "object": schema.setdefault("additionalProperties", False)
    return schema

def resolved(value):
    return resolved(at(value["$ref"])) if isinstance(value, dict) and "$ref" in value else value

def at(reference):
    value = description
    for name in reference[2:].split("/"): value = value[name.replace("~1", "/")]
    return value

def expression(path):
    """Fixed paths before those with parameters; the last one named path takes slashes."""
    parts = [".+" if part == "{path}" else "[^/]+" if part[0] == "{" else re.escape(part)
             for part in path[1:].split("/")]
    return "{" in path, re.compile("/" + "/".join(parts))

def operation(method, path):
    for _, pattern, operations in paths:
        if pattern.fullmatch(path): return operations.get(method.lower())

def fits(schema, value, what):
    schema = {"$ref": "#/components/schemas/Event"} if what == "event" else schema
    for error in Draft202012Validator({**description, **schema}).iter_errors(value):
        yield "%s at /%s" % (error.message[:500], "/".join(map(str, error.absolute_path)))

def faults(answer):
    found = operation(answer["method"], answer["path"])
    if found is None:
        if answer["status"] not in (404, 405): yield "is no operation, and answers"
        return
    response = resolved(found["responses"].get(str(answer["status"])))
    if answer["status"] == 405: return
    if response is None:
        yield "has no such status"
        return
    content = response.get("content", {})
    kind = answer["type"].split(";")[0]
    if not content:
        if answer.get("body"): yield "has a body"
        return
    if kind not in content:
        yield "is " + kind
        return
    if "json" in kind:
        yield from fits(content[kind].get("schema", {}), json.loads(answer["body"]), "body")
    if kind == "text/event-stream":
        for line in answer["body"].split("\n"):
            if line.startswith("data: "): yield from fits({}, json.loads(line[6:]), "event")

description = closed(yaml.safe_load(open(sys.argv[1])))
description["task"] = localised(json.load(open(sys.argv[2])))
paths = sorted(((*expression(path), one) for path, one in description["paths"].items()), key=lambda one: one[0])
answers = json.load(open(sys.argv[3]))
wrong = [(answer, fault) for answer in answers for fault in faults(answer)]
for answer, fault in wrong[:20]:
    print(answer["method"], answer["path"], answer["status"], fault, (answer.get("body") or "")[:2000])
if wrong: sys.exit(1)
print(len(answers), "answers as described")
