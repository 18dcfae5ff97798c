"""Recomputes the spec digests and canonical forms of the published vectors: spec_digests.py SCHEMA SPECS CANONICAL"""
import base64, copy, hashlib, json, sys

def jcs(value):
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(jcs(name) + ":" + jcs(one) for name, one in members) + "}"
    if isinstance(value, list): return "[" + ",".join(map(jcs, value)) + "]"
    return json.dumps(value, ensure_ascii=False)

def filled(schema, value):
    """The value with the defaults of the schema where it says nothing."""
    if isinstance(value, list): return [filled(schema.get("items", {}), one) for one in value]
    if not isinstance(value, dict): return value
    value = dict(value)
    for name, field in schema.get("properties", {}).items():
        if name not in value and "default" in field: value[name] = copy.deepcopy(field["default"])
        if name in value: value[name] = filled(field, value[name])
    return value

def recorded(schema, spec):
    spec = filled(schema, spec)
    for holder in [spec["stdin"], spec["expect"]["stdout"] or {}] + spec["inputs"]:
        if "text" in holder: holder["base64"] = base64.b64encode(holder.pop("text").encode()).decode()
    rules = spec["verification"]
    rules.setdefault("quorum", rules["replicas"] // 2 + 1)
    rules.setdefault("max_replicas", max(7, rules["replicas"]))
    return spec

def no_float(text): raise ValueError(text)
def no_twice(members):
    assert len(dict(members)) == len(members)
    return dict(members)

schema, specs, canonical = (json.load(open(path)) for path in sys.argv[1:])
for case in specs["cases"]:
    text = jcs(recorded(schema, case["spec"]))
    assert text == case["canonical"], case["name"]
    assert "sha256:" + hashlib.sha256(text.encode()).hexdigest() == case["digest"], case["name"]
for case in canonical["cases"]:
    value = json.loads(case["json"], parse_float=no_float, object_pairs_hook=no_twice)
    assert jcs(value) == case["canonical"], case["json"]
print(len(specs["cases"]) + len(canonical["cases"]))
