import assert from "node:assert/strict";
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { parseImagePolicy, ruleOf } from "../../src/domain/image-policy.ts";
import { parseReference } from "../../src/domain/reference.ts";
import { isSignedBy, readPublicKey, signatureTag } from "../../src/domain/signature.ts";

const digest = `sha256:${"a".repeat(64)}` as const;

function policyOf(value: unknown): ReturnType<typeof parseImagePolicy> {
  return parseImagePolicy(Buffer.from(JSON.stringify(value)), (file) => `key of ${file}`);
}

test("the rule of the longest scope holds, and a scope ends where a part of a name ends", () => {
  const policy = policyOf({
    default: "reject",
    images: {
      "docker.io": "accept",
      "docker.io/library": { signedBy: ["a.pub", "b.pub"] },
      "registry.example.com:5000/team": "accept",
      "registry.example.com:5000/team/app:bad": "reject",
    },
  });
  const rule = (name: string): string => ruleOf(policy, parseReference(name)).kind;
  assert.equal(rule("someone/app"), "accept");
  assert.equal(rule("nginx"), "signed");
  assert.deepEqual(ruleOf(policy, parseReference("nginx")), {
    kind: "signed",
    keys: ["key of a.pub", "key of b.pub"],
  });
  assert.equal(rule("registry.example.com:5000/team"), "accept");
  assert.equal(rule("registry.example.com:5000/team/app:good"), "accept");
  assert.equal(rule("registry.example.com:5000/team/app:bad"), "reject");
  assert.equal(rule("registry.example.com:5000/teammate/app"), "reject");
  assert.equal(rule("registry.example.com/team/app"), "reject");
});

test("a policy that is not understood in full is refused", () => {
  for (const value of [
    {},
    { default: "maybe" },
    { default: "accept", extra: 1 },
    { default: { signedBy: [] } },
    { default: { signedBy: ["a"], also: 1 } },
    { default: "accept", images: { nginx: "reject" } },
    { default: "accept", images: { "docker.io/nginx@sha256:0": "reject" } },
    [],
    "accept",
  ]) {
    assert.throws(() => policyOf(value), { class: "invalid" }, JSON.stringify(value));
  }
});

function signed(key: KeyObject, claims: unknown): { payload: Buffer; signature: string } {
  const payload = Buffer.from(JSON.stringify(claims));
  return { payload, signature: sign("sha256", payload, key).toString("base64") };
}

test("a signature counts where a known key made it of what cosign signs about this very image", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const known = [readPublicKey(publicKey.export({ type: "spki", format: "pem" }).toString(), "")];
  const claims = (about: string, type = "cosign container image signature"): unknown => ({
    critical: {
      identity: { "docker-reference": "anything" },
      image: { "docker-manifest-digest": about },
      type,
    },
    optional: null,
  });
  const check = (key: KeyObject, value: unknown): boolean => {
    const { payload, signature } = signed(key, value);
    return isSignedBy(known, digest, payload, signature);
  };
  assert.ok(check(privateKey, claims(digest)));
  assert.ok(!check(other.privateKey, claims(digest)), "a stranger's key");
  assert.ok(!check(privateKey, claims(`sha256:${"b".repeat(64)}`)), "of another image");
  assert.ok(!check(privateKey, claims(digest, "atomic container signature")), "of another kind");
  assert.ok(!check(privateKey, { critical: null }));
  const { payload, signature } = signed(privateKey, claims(digest));
  const changed = Buffer.from(payload.toString().replace("anything", "otherwise"));
  assert.ok(!isSignedBy(known, digest, changed, signature), "of other bytes");
  assert.ok(!isSignedBy(known, digest, payload, "not base64!"));
  assert.ok(!isSignedBy(known, digest, payload, ""));
  assert.ok(!isSignedBy([], digest, payload, signature));
});

test("a private key or other text is no public key", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  for (const pem of [privateKey.export({ type: "pkcs8", format: "pem" }).toString(), "", "key"])
    assert.throws(() => readPublicKey(pem, "a file"), { code: "KEY_INVALID" });
  assert.equal(signatureTag(digest), `sha256-${"a".repeat(64)}.sig`);
});
