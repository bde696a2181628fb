import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageProcess } from "../../src/domain/image.ts";
import { applyChanges } from "../../src/domain/image-changes.ts";
import { isDuetError } from "../../src/kit/errors.ts";

const before: ImageProcess = {
  user: "",
  env: ["PATH=/bin", "HOME=/root"],
  entrypoint: null,
  command: ["old"],
  workingDirectory: "/srv",
  labels: { kept: "yes" },
  exposedPorts: ["80/tcp"],
  volumes: [],
  stopSignal: "",
  healthcheck: null,
  onBuild: [],
  shell: null,
};

function changed(...lines: string[]): Partial<ImageProcess> {
  const after = applyChanges(before, lines);
  return Object.fromEntries(
    Object.entries(after).filter(([key, value]) => value !== before[key as keyof ImageProcess]),
  );
}

test("instructions change what they name, and nothing else", () => {
  assert.deepEqual(changed('CMD ["a", "b"]'), { command: ["a", "b"] });
  assert.deepEqual(changed("cmd a b"), { command: ["/bin/sh", "-c", "a b"] });
  assert.deepEqual(changed("USER 5:6"), { user: "5:6" });
  assert.deepEqual(changed("WORKDIR ../x/./y"), { workingDirectory: "/x/y" });
  assert.deepEqual(changed("STOPSIGNAL SIGINT"), { stopSignal: "SIGINT" });
  assert.deepEqual(changed('VOLUME ["/a", "/b"]'), { volumes: ["/a", "/b"] });
  assert.deepEqual(changed("EXPOSE 80 90-92/UDP"), {
    exposedPorts: ["80/tcp", "90/udp", "91/udp", "92/udp"],
  });
  assert.deepEqual(changed("ONBUILD RUN x"), { onBuild: ["RUN x"] });
  assert.deepEqual(changed("LABEL a=b 'c d'=\"e f\""), {
    labels: { kept: "yes", a: "b", "c d": "e f" },
  });
});

test("an entrypoint drops the command that was there, but none given with it", () => {
  assert.deepEqual(changed('ENTRYPOINT ["e"]'), { entrypoint: ["e"], command: null });
  const both = { entrypoint: ["e"], command: ["c"] };
  assert.deepEqual(changed('ENTRYPOINT ["e"]', 'CMD ["c"]'), both);
  assert.deepEqual(changed('CMD ["c"]', 'ENTRYPOINT ["e"]'), both);
});

test("variables are replaced as a Dockerfile's are", () => {
  assert.deepEqual(changed("ENV A=$PATH:/x B='$PATH' C=\"${HOME}\" D=${NO:-else} E=\\$PATH").env, [
    "PATH=/bin",
    "HOME=/root",
    "A=/bin:/x",
    "B=$PATH",
    "C=/root",
    "D=else",
    "E=$PATH",
  ]);
  assert.deepEqual(changed("ENV OLD some words").env, [
    "PATH=/bin",
    "HOME=/root",
    "OLD some words".replace(" ", "="),
  ]);
});

test("health checks have their flags, in nanoseconds", () => {
  const check = { interval: 90e9, timeout: 5e8, startPeriod: 0, startInterval: 0, retries: 4 };
  assert.deepEqual(
    changed('HEALTHCHECK --interval=1m30s --timeout=500ms --retries=4 CMD ["x"]').healthcheck,
    { ...check, test: ["CMD", "x"] },
  );
  assert.deepEqual(changed("HEALTHCHECK NONE").healthcheck?.test, ["NONE"]);
});

test("what is no change is refused by its name", () => {
  const tried = {
    "RUN x": /RUN is not a valid change command/,
    "__proto__ x": /not a valid change command/,
    VOLUME: /VOLUME requires at least one argument/,
    "SHELL []": /SHELL is not a valid change command/,
    "": /file with no instructions/,
    "EXPOSE x": /invalid containerPort: x/i,
    "ENV =x": /names can not be blank/,
    "ONBUILD ONBUILD RUN x": /isn't allowed/,
    "HEALTHCHECK --interval=soon CMD x": /invalid duration/,
    USER: /USER requires exactly one argument/,
  };
  for (const [line, message] of Object.entries(tried)) {
    assert.throws(
      () => applyChanges(before, [line]),
      (error) => isDuetError(error, "invalid") && message.test(error.message),
      line,
    );
  }
});
