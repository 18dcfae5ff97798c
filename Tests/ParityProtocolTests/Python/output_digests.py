"""Recomputes the output digests of the published vectors, without anything of Parity's: output_digests.py FILE"""
import base64, hashlib, json, sys

def sha256(data): return "sha256:" + hashlib.sha256(data).hexdigest()
def jcs(value): return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
def raw(entry, name): return base64.b64decode(entry[name + "_base64"]) if name + "_base64" in entry else entry[name].encode()

def put(entry, name, data):
    try: entry[name] = data.decode()
    except UnicodeDecodeError: entry[name + "_base64"] = base64.b64encode(data).decode()
    return entry

def content(entry):
    if "digest" in entry: return {"digest": entry["digest"], "size": entry["size"]}
    data = base64.b64decode(entry["base64"])
    return {"digest": sha256(data), "size": len(data)}

def manifest(case):
    tree, made = list(case["tree"]), {}
    for n in range(case.get("numbered", {}).get("count", 0)):
        tree.append({"path": "%s/%05d" % (case["numbered"]["folder"], n), "kind": "file", "executable": n % 10 == 0,
                     "base64": base64.b64encode(b"%d\n" % n)})
    for entry in sorted(tree, key=lambda entry: entry["kind"] == "hardlink"):
        one = {"kind": entry["kind"]}
        if entry["kind"] == "symlink": put(one, "target", raw(entry, "target"))
        if entry["kind"] == "file": one |= {"mode": "0755" if entry.get("executable") else "0644"} | content(entry)
        if entry["kind"] == "hardlink": one = made[raw(entry, "of")]
        made[raw(entry, "path")] = one
    files = [put(dict(made[path]), "path", path) for path in sorted(made)]
    return jcs({"schema": "parity.output/v1", "exit_code": case["exit_code"], "files": files,
                "stdout": content({"base64": case["stdout_base64"]})})

vectors = json.load(open(sys.argv[1]))
for case in vectors["cases"]:
    assert manifest(case) == case.get("manifest", manifest(case).decode()).encode(), case["name"]
    assert sha256(manifest(case)) == case["digest"], case["name"]
for case in vectors["limits"]:
    statement = jcs({"schema": "parity.output/v1", "limit_exceeded": case["limit"]})
    assert statement == case["statement"].encode() and sha256(statement) == case["digest"], case["limit"]
print(len(vectors["cases"]) + len(vectors["limits"]))
