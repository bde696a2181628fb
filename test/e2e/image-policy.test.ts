import assert from "node:assert/strict";
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { OciLayout, type Blob } from "./oci-layout.ts";
import { startRegistry } from "./registry.ts";

const undo: (() => Promise<void>)[] = [];
const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
const strange = generateKeyPairSync("ec", { namedCurve: "P-256" });
let daemon: TestDaemon;
let registry: string;

before(async () => {
  const owner = { after: (done: () => Promise<void>) => void undo.push(done) };
  const folder = await mkdtemp(join(tmpdir(), "duet-policy-"));
  undo.push(() => rm(folder, { recursive: true }));
  const policy = join(folder, "policy.json");
  const images = {
    "127.0.0.1:5000/signed": { signedBy: ["own.pub"] },
    "127.0.0.1:5000/rejected": "reject",
  };
  await writeFile(policy, JSON.stringify({ default: "accept", images }));
  const pem = own.publicKey.export({ type: "spki", format: "pem" });
  await writeFile(join(folder, "own.pub"), pem);
  const flags = [...containersOnly, "--image-policy", policy];
  daemon = await TestDaemon.start(owner, { flags });
  registry = await startRegistry(daemon);
});

after(async () => {
  for (const done of undo.toReversed()) await done();
});

/** Puts an image into the registry, and what cosign writes beside it when it signs with `keys`. */
async function publish(name: string, text: string, keys: readonly KeyObject[]): Promise<void> {
  const layout = await OciLayout.create(join(daemon.folder, `layout-${text}`));
  const image = await layout.index([await layout.image("amd64", { text })]);
  await copy(layout, `${name}:1`);
  if (keys.length > 0) {
    await layout.top(await signature(layout, image, keys));
    await copy(layout, `${name}:${image.digest.replace(":", "-")}.sig`);
  }
}

async function copy(layout: OciLayout, name: string): Promise<void> {
  const flags = ["--insecure-policy", "copy", "--all", "--preserve-digests"];
  const to = ["--dest-tls-verify=false", `oci:${layout.folder}`, `docker://${registry}/${name}`];
  await daemon.onHost("skopeo", ...flags, ...to);
}

/** Cosign's SIGNATURE_SPEC: an image manifest whose layers are payloads, the signatures in annotations. */
async function signature(
  layout: OciLayout,
  image: Blob,
  keys: readonly KeyObject[],
): Promise<Blob> {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": "" },
        image: { "docker-manifest-digest": image.digest },
        type: "cosign container image signature",
      },
      optional: null,
    }),
  );
  const blob = await layout.put("application/vnd.dev.cosign.simplesigning.v1+json", payload);
  const layers = keys.map((key) => ({
    ...blob,
    annotations: {
      "dev.cosignproject.cosign/signature": sign("sha256", payload, key).toString("base64"),
    },
  }));
  const config = await layout.put("application/vnd.oci.image.config.v1+json", {
    architecture: "",
    os: "",
    config: {},
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return await layout.put(mediaType, { schemaVersion: 2, mediaType, config, layers });
}

async function refusal(name: string): Promise<string> {
  const { code, stderr } = await daemon.tryDocker(["pull", "-q", `${registry}/${name}`]);
  assert.equal(code, 1, "it is not pulled");
  return stderr;
}

test("an image that must be signed comes where a known key signed it, among others or alone", async () => {
  await publish("signed/good", "good", [strange.privateKey, own.privateKey]);
  await daemon.docker("pull", "-q", `${registry}/signed/good:1`);
  await daemon.docker("rmi", `${registry}/signed/good:1`);
});

test("without a signature, or with a stranger's, it is refused before anything of it is kept", async () => {
  await publish("signed/none", "none", []);
  assert.match(
    await refusal("signed/none:1"),
    /image policy refuses .*: it must be signed, and has no signature/,
  );
  await publish("signed/strange", "strange", [strange.privateKey]);
  assert.match(
    await refusal("signed/strange:1"),
    /none of its signatures is by a key that the policy names/,
  );
  assert.equal(await daemon.docker("images", "-aq"), "");
  assert.deepEqual(await readdir(join(daemon.folder, "data/snapshots/committed")), []);
});

test("a place that the policy rejects is not even asked, and others need no signature", async () => {
  assert.match(
    await refusal("rejected/absent:1"),
    /image policy refuses .*: it lets nothing of this place in/,
  );
  await publish("other", "other", []);
  await daemon.docker("pull", "-q", `${registry}/other:1`);
  await daemon.docker("rmi", `${registry}/other:1`);
});
