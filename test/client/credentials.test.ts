import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  eraseCredentials,
  findCredentials,
  registryKey,
  registryOfReference,
  standardRegistry,
  storeCredentials,
} from "../../src/client/credentials.ts";
import { DuetError } from "../../src/kit/errors.ts";

function configFile(context: TestContext, content?: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), "duet-credentials-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "config.json");
  if (content !== undefined) writeFileSync(path, JSON.stringify(content));
  return path;
}

function packed(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** A credential helper that keeps what it is given in a file, found by PATH. */
function fakeHelper(context: TestContext, path: string): string {
  const folder = join(path, "..");
  const script = `#!/bin/sh
    cd "${folder}"
    case "$1" in
    get) read -r url; if [ -f "secret" ]; then cat secret; else echo "credentials not found in native keychain"; exit 1; fi;;
    store) cat > secret;;
    erase) rm -f secret;;
    esac`;
  writeFileSync(join(folder, "docker-credential-fake"), script);
  chmodSync(join(folder, "docker-credential-fake"), 0o755);
  const before = process.env["PATH"];
  process.env["PATH"] = `${folder}:${before}`;
  context.after(() => (process.env["PATH"] = before));
  return join(folder, "secret");
}

test("every name of a registry finds the same credentials", () => {
  for (const name of ["", "docker.io", "index.docker.io", standardRegistry]) {
    assert.equal(registryKey(name), standardRegistry);
  }
  assert.equal(registryKey("https://example.com:5000/v2/"), "example.com:5000");
  assert.equal(registryOfReference("nginx"), standardRegistry);
  assert.equal(registryOfReference("user/app:1"), standardRegistry);
  assert.equal(registryOfReference("localhost/app"), "localhost");
  assert.equal(registryOfReference("example.com:5000/a/b"), "example.com:5000");
});

test("a link to Docker's file stays one when credentials are kept", async (context) => {
  const path = configFile(context, {});
  const link = join(path, "../link.json");
  symlinkSync("config.json", link);
  const auth = { username: "ada", password: "word" };
  await storeCredentials("example.com", auth, { path: link });
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.match(readFileSync(path, "utf8"), /example\.com/);
});

test("credentials come out of Docker's file in all of its forms", async (context) => {
  const path = configFile(context, {
    auths: {
      "https://index.docker.io/v1/": { auth: packed("ada:pass:word") },
      "https://example.com/v1/": { auth: packed("bob:secret\0\0") },
      "token.example.com": { auth: packed("x:"), identitytoken: "long" },
      "plain.example.com": { username: "eve", password: "open" },
      "empty.example.com": {},
    },
  });
  const find = (registry: string) => findCredentials(registry, { path });
  assert.deepEqual(await find(standardRegistry), {
    username: "ada",
    password: "pass:word",
    serveraddress: standardRegistry,
  });
  assert.equal((await find("example.com"))?.password, "secret");
  assert.deepEqual(await find("token.example.com"), {
    identitytoken: "long",
    serveraddress: "token.example.com",
  });
  assert.equal((await find("plain.example.com"))?.username, "eve");
  assert.equal(await find("empty.example.com"), undefined);
  assert.equal(await find("unknown.example.com"), undefined);
});

test("what is stored is found, for the owner's eyes alone, and can be forgotten", async (context) => {
  const path = configFile(context);
  assert.equal(await findCredentials("example.com", { path }), undefined);
  await storeCredentials("example.com", { username: "ada", password: "x" }, { path });
  assert.equal((await findCredentials("example.com", { path }))?.username, "ada");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await eraseCredentials("example.com", { path }), true);
  assert.equal(await eraseCredentials("example.com", { path }), false);
  assert.equal(await findCredentials("example.com", { path }), undefined);
});

test("a credential helper keeps the secret out of the file", async (context) => {
  const path = configFile(context, { credsStore: "fake", other: { kept: true } });
  const secret = fakeHelper(context, path);
  assert.equal(await findCredentials("example.com", { path }), undefined);
  await storeCredentials("example.com", { username: "ada", password: "hidden" }, { path });
  assert.deepEqual(await findCredentials("example.com", { path }), {
    username: "ada",
    password: "hidden",
    serveraddress: "example.com",
  });
  assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), {
    credsStore: "fake",
    other: { kept: true },
    auths: { "example.com": {} },
  });
  writeFileSync(secret, JSON.stringify({ ServerURL: "x", Username: "<token>", Secret: "t" }));
  assert.equal((await findCredentials("example.com", { path }))?.identitytoken, "t");
  assert.equal(await eraseCredentials("example.com", { path }), true);
  assert.equal(await findCredentials("example.com", { path }), undefined);
});

test("a helper of one registry is asked for that registry only, and its name cannot be a path", async (context) => {
  const path = configFile(context, {
    credHelpers: { "one.example.com": "fake", "two.example.com": "../../bin/sh" },
    auths: { "three.example.com": { auth: packed("ada:x") } },
  });
  fakeHelper(context, path);
  assert.equal(await findCredentials("one.example.com", { path }), undefined);
  await assert.rejects(findCredentials("two.example.com", { path }), { code: "CREDENTIAL_HELPER" });
  assert.equal((await findCredentials("three.example.com", { path }))?.username, "ada");
});

test("a file that cannot be read says which, and never what is in it", async (context) => {
  const path = configFile(context);
  writeFileSync(path, "{ secret-of-mine");
  await assert.rejects(findCredentials("example.com", { path }), (error: Error) => {
    assert.match(error.message, /cannot read the stored credentials/);
    assert.ok(!error.message.includes("secret-of-mine"));
    return true;
  });
});

test("credentials that cannot be stored are told by their file, and what may be done", async () => {
  // Where nothing can be made, by nobody.
  const path = "/sys/duet-test/config.json";
  await assert.rejects(
    storeCredentials("registry.example.com", { username: "u", password: "p" }, { path }),
    (error: unknown) =>
      error instanceof DuetError &&
      error.code === "CREDENTIALS_UNWRITABLE" &&
      /^cannot store the credentials · [a-z -]+ · \/sys\//.test(error.message) &&
      /DOCKER_CONFIG/.test(error.hint ?? ""),
  );
});
