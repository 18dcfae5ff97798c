"""Judges the specs of the corpus by the JSON Schema: judge_specs.py SCHEMA CORPUS"""
import json, sys
from jsonschema import Draft202012Validator

ABSENT = object()

def expanded(value, number=0):
    """The value with the corpus's rules for long ones carried out."""
    if isinstance(value, str): return value.replace("%", str(number))
    if isinstance(value, list): return [one for one in (expanded(one, number) for one in value) if one is not ABSENT]
    if not isinstance(value, dict): return value
    if "$absent" in value: return ABSENT
    if "$text" in value:
        return value.get("$first", "") + value.get("$of", "x") * value["$text"] + value.get("$then", "")
    if "$names" in value: return {f"V{n}": "" for n in range(value["$names"])}
    if "$parts" in value: return "/".join("d" * value["$parts"])
    if "$path" in value:
        return "".join("/" if n % 100 == 99 and n < value["$path"] - 1 else "p" for n in range(value["$path"]))
    if "$list" in value: return [expanded(value["$list"][1], n) for n in range(value["$list"][0])]
    members = {name: expanded(one, number) for name, one in value.items()}
    return {name: one for name, one in members.items() if one is not ABSENT}

def put(spec, path, value):
    if not path: return value
    members = dict(spec) if isinstance(spec, dict) else {}
    name = path[0].replace("~1", "/").replace("~0", "~")
    members[name] = put(members.get(name, {}), path[1:], value)
    return members

schema, corpus = (json.load(open(path)) for path in sys.argv[1:])
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
wrong = 0
for case in corpus["cases"]:
    spec = corpus["base"]
    for pointer, value in sorted(case["set"].items()): spec = put(spec, pointer[1:].split("/"), value)
    expected = not case.get("faults") or case.get("beyond_schema", False)
    if validator.is_valid(expanded(spec)) != expected:
        wrong += 1
        print("the schema", "refuses" if expected else "accepts", json.dumps(case))
if wrong: sys.exit(1)
print(len(corpus["cases"]), "specs judged alike")
