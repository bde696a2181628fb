import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isDuetError } from "../../src/kit/errors.ts";
import { readShape } from "../../src/servers/docker/read-shape.ts";
import { containerCreateBody } from "../../src/spec/docker/bodies.ts";
import { containerSpecOf } from "../../src/servers/docker/containers/spec/spec.ts";
import { parseFilters } from "../../src/servers/docker/filters.ts";
import { parseBoundedJson } from "../../src/servers/docker/strict-json.ts";

/** Group F: whatever a client sends is either understood or refused with a typed error. */
function isRefused(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    const isTyped = isDuetError(error, "invalid") || isDuetError(error, "unsupported");
    assert.ok(isTyped, error instanceof Error ? error.stack : String(error));
  }
}

const hostKeys = [
  "Binds",
  "Memory",
  "PortBindings",
  "RestartPolicy",
  "CapAdd",
  "SecurityOpt",
  "Devices",
  "Ulimits",
  "Mounts",
  "Tmpfs",
  "NanoCpus",
  "CpusetCpus",
  "LogConfig",
  "Isolation",
  "Runtime",
  "Dns",
  "ExtraHosts",
  "ConsoleSize",
  "Sysctls",
  "PidsLimit",
  "IpcMode",
  "Init",
  "DeviceRequests",
  "ShmSize",
];
const bodyKeys = [
  "Image",
  "Cmd",
  "Entrypoint",
  "Env",
  "Labels",
  "ExposedPorts",
  "Volumes",
  "Healthcheck",
  "HostConfig",
  "NetworkingConfig",
  "Hostname",
  "StopTimeout",
  "MacAddress",
  "Tty",
];

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    "80/tcp",
    "a:b",
    "/a:/b:ro",
    "seccomp=x",
    "0-3",
    -1,
    2 ** 53,
    1e300,
    [""],
    {},
    [{}],
    [[]],
    null,
  ),
  fc.array(
    fc.dictionary(
      fc.constantFrom("Type", "Source", "Target", "Name", "Soft", "Path", "TmpfsOptions"),
      fc.jsonValue({ maxDepth: 2 }),
    ),
  ),
);

test("76: no create body makes anything but a specification or a typed refusal", () => {
  const host = fc.dictionary(fc.constantFrom(...hostKeys), value);
  const body = fc.dictionary(fc.constantFrom(...bodyKeys), value);
  fc.assert(
    fc.property(body, host, (given, hostConfig) => {
      isRefused(() => containerSpecOf(readShape(containerCreateBody, { Image: "x", ...given })));
      isRefused(() =>
        containerSpecOf(readShape(containerCreateBody, { Image: "x", HostConfig: hostConfig })),
      );
    }),
    { numRuns: 300 },
  );
});

test("76: no bytes make the JSON reader fail in another way", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (bytes, text) => {
      isRefused(() => parseBoundedJson(bytes));
      isRefused(() => parseBoundedJson(text));
      isRefused(() => parseFilters(text));
    }),
    { numRuns: 3_000 },
  );
});
