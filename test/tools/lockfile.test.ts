import assert from "node:assert/strict";
import { test } from "node:test";
import { completeLockfile, platformOf } from "../../tools/lockfile/complete.ts";

test("a native package's name tells its platform", () => {
  assert.deepEqual(platformOf("@a/binding-linux-arm64-musl"), {
    os: ["linux"],
    cpu: ["arm64"],
    libc: ["musl"],
  });
  assert.deepEqual(platformOf("@esbuild/darwin-x64"), { os: ["darwin"], cpu: ["x64"] });
  assert.equal(platformOf("left-pad"), undefined);
});

test("a platform package that the lockfile names without describing it is added once", () => {
  const lockfile = {
    packages: {
      "node_modules/z": {
        version: "1.0.0",
        dev: true,
        optionalDependencies: { "z-win32-x64": "1.0.0" },
      },
    },
  };
  assert.deepEqual(completeLockfile(lockfile), ["z-win32-x64"]);
  assert.deepEqual(lockfile.packages, {
    ...lockfile.packages,
    "node_modules/z-win32-x64": {
      version: "1.0.0",
      dev: true,
      optional: true,
      os: ["win32"],
      cpu: ["x64"],
    },
  });
  assert.deepEqual(completeLockfile(lockfile), []);
});
