import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReference, refuseAmbiguous } from "../../src/domain/reference.ts";

test("no image is given a name that reads as an image's id", () => {
  for (const name of ["sha256", "sha256:abc", "docker.io/sha256:1", "docker.io/library/sha256"]) {
    assert.throws(() => refuseAmbiguous(parseReference(name)), {
      code: "REFERENCE_INVALID",
      message: "refusing to create an ambiguous tag using digest algorithm as name",
    });
  }
  for (const name of ["me/sha256:1", "localhost:5000/sha256", "localhost/library/sha256"]) {
    refuseAmbiguous(parseReference(name));
  }
});
