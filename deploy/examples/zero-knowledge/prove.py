"""Proves with Groth16 to know x with x**3 + x + 5 = y, without telling x, and verifies the proof."""

import hashlib
import json
import os
import pathlib

import zksnake.groth16.protocol as protocol
from zksnake.arithmetization import R1CS, ConstraintSystem, Var
from zksnake.constant import BN254_SCALAR_FIELD
from zksnake.groth16 import Groth16

seed = os.environ["SEED"].encode()
counter = 0


def seeded_random(maximum):
    """As zksnake's own generator, from the seed: SHA-512 in counter mode is uniform enough modulo 254 bits."""
    global counter
    counter += 1
    block = hashlib.sha512(seed + counter.to_bytes(8, "big")).digest()
    return 1 + int.from_bytes(block, "big") % maximum


# Who knows the seed knows the secrets of the setup: fit for a demonstration, or with a seed from a ceremony.
protocol.get_random_int = seeded_random

x, y, square = Var("x"), Var("y"), Var("square")
constraints = ConstraintSystem(["x"], ["y"], BN254_SCALAR_FIELD)
constraints.add_constraint(square == x * x)
constraints.add_constraint(y - 5 - x == square * x)
constraints.set_public(y)
r1cs = R1CS(constraints)
r1cs.compile()

groth16 = Groth16(r1cs)
groth16.setup()
public, private = r1cs.generate_witness(r1cs.solve({"x": int(os.environ["X"])}))
proof = groth16.prove(public, private)
if not groth16.verify(proof, public):
    raise SystemExit("the proof does not verify")
wrong = [*public[:-1], public[-1] + 1]
if groth16.verify(proof, wrong):
    raise SystemExit("the proof verifies for another statement")

output = pathlib.Path("/output")
output.joinpath("proof.bin").write_bytes(proof.to_bytes())
output.joinpath("verifying-key.bin").write_bytes(groth16.verifying_key.to_bytes())
output.joinpath("public.json").write_text(json.dumps([str(value) for value in public]) + "\n")
print("the proof verifies, and not for another statement")
