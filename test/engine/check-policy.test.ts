import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import type { Digest } from "../../src/domain/digest.ts";
import { mediaTypes } from "../../src/domain/manifest.ts";
import { parseReference } from "../../src/domain/reference.ts";
import { signatureAnnotation, simpleSigningType } from "../../src/domain/signature.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { checkSignature } from "../../src/engine/images/check-policy.ts";
import { never } from "../../src/kit/abort.ts";
import { DuetError } from "../../src/kit/errors.ts";

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
const digestOf = (bytes: Buffer): Digest =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const image = digestOf(Buffer.from("image"));
const payload = Buffer.from(
  JSON.stringify({
    critical: {
      identity: {},
      image: { "docker-manifest-digest": image },
      type: "cosign container image signature",
    },
  }),
);
const missing = Buffer.from("never pushed");
const signature = sign("sha256", payload, privateKey).toString("base64");

/** A registry whose signatures of the image are of the payloads; `fail` for one that it has not. */
function registryWith(payloads: readonly Buffer[], fail: () => never) {
  const about = (bytes: Buffer): object => ({
    ...{ mediaType: simpleSigningType, digest: digestOf(bytes), size: bytes.length },
    annotations: { [signatureAnnotation]: signature },
  });
  const config = { mediaType: mediaTypes.ociConfig, digest: image, size: 2 };
  const content = Buffer.from(
    JSON.stringify({ schemaVersion: 2, config, layers: payloads.map(about) }),
  );
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(content), size: 1 };
  return {
    resolve: async () => ({ descriptor, content }),
    referrers: async () => [],
    blob: async (_reference: unknown, { digest }: { readonly digest: Digest }) =>
      digest === digestOf(payload) ? { offset: 0, body: [payload] } : fail(),
  };
}

async function check(payloads: readonly Buffer[], fail: () => never): Promise<void> {
  const policy = { otherwise: { kind: "signed", keys: [pem] }, rules: new Map() };
  const registry = registryWith(payloads, fail);
  const context = { policy, registry } as unknown as EngineContext;
  await checkSignature(context, parseReference("busybox"), [image], null, never);
}

const gone = (): never => {
  throw new DuetError("not-found", "BLOB_UNKNOWN", "no such blob");
};

test("a signature that cannot be read hides no valid one", async () => {
  await check([missing, payload], gone);
  await assert.rejects(check([missing], gone), {
    code: "IMAGE_REFUSED",
    message: /none of its signatures is by a key/,
  });
});

test("a registry that goes away is told, and not taken for one without signatures", async () => {
  const away = (): never => {
    throw new DuetError("unavailable", "REGISTRY_UNREACHABLE", "the registry is away");
  };
  await assert.rejects(check([missing, payload], away), { code: "REGISTRY_UNREACHABLE" });
});
