import assert from "node:assert/strict";
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { OciLayout, type Blob } from "./oci-layout.ts";
import { startRegistry } from "./registry.ts";
import { ownerOfTests } from "./owner.ts";

const owner = ownerOfTests();
const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
const strange = generateKeyPairSync("ec", { namedCurve: "P-256" });
let daemon: TestDaemon;
let registry: string;

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), "duet-policy-"));
  owner.after(() => rm(folder, { recursive: true }));
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

/** What cosign 3 pushes: a manifest with a bundle that refers to the image, in the tag where there is no other way. */
async function publishBundle(
  name: string,
  text: string,
  { key, predicateType = "https://sigstore.dev/cosign/sign/v1", of }: BundleOptions,
): Promise<void> {
  const layout = await OciLayout.create(join(daemon.folder, `layout-${text}`));
  const image = await layout.index([await layout.image("amd64", { text })]);
  await copy(layout, `${name}:1`);
  const subject = { mediaType: image.mediaType, digest: image.digest, size: image.size };
  const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
  const bundle = bundleOf(of ?? image.digest, predicateType, key);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await layout.put(mediaType, {
    ...{ schemaVersion: 2, mediaType, artifactType: bundleType, subject },
    config: await layout.put("application/vnd.oci.empty.v1+json", {}),
    layers: [await layout.put(bundleType, bundle)],
    annotations: { "dev.sigstore.bundle.content": "dsse-envelope" },
  });
  await layout.top(manifest);
  await copy(layout, `${name}:bundle`);
  // A registry without the API for referrers keeps them under this tag. Skopeo would leave the type out.
  const indexType = "application/vnd.oci.image.index.v1+json";
  const manifests = [{ ...manifest, artifactType: bundleType }];
  const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
  const place = `http://${registry}/v2/${name}/manifests/${image.digest.replace(":", "-")}`;
  const header = `Content-Type: ${indexType}`;
  await daemon.onHost("curl", "-fsS", "-X", "PUT", "-H", header, "-d", index, place);
}

interface BundleOptions {
  readonly key: KeyObject;
  readonly predicateType?: string;
  /** The digest that is signed, where it is not the image's. */
  readonly of?: string;
}

function bundleOf(digest: string, predicateType: string, key: KeyObject): object {
  const payloadType = "application/vnd.in-toto+json";
  const payload = Buffer.from(
    JSON.stringify({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "", digest: { sha256: digest.replace("sha256:", "") } }],
      ...{ predicateType, predicate: {} },
    }),
  );
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
  const signature = sign("sha256", Buffer.concat([Buffer.from(head), payload]), key);
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: { publicKey: { hint: "" }, tlogEntries: [] },
    dsseEnvelope: {
      ...{ payload: payload.toString("base64"), payloadType },
      signatures: [{ sig: signature.toString("base64"), keyid: "" }],
    },
  };
}

test("a bundle that refers to the image counts where a known key signed just that", async () => {
  const { privateKey } = own;
  await publishBundle("signed/bundle", "bundle", { key: privateKey });
  await daemon.docker("pull", "-q", `${registry}/signed/bundle:1`);
  await daemon.docker("rmi", `${registry}/signed/bundle:1`);
  const wrong = {
    stranger: { key: strange.privateKey },
    provenance: { key: privateKey, predicateType: "https://slsa.dev/provenance/v1" },
    another: { key: privateKey, of: `sha256:${"0".repeat(64)}` },
  };
  for (const [name, options] of Object.entries(wrong)) {
    await publishBundle(`signed/${name}`, name, options);
    assert.match(await refusal(`signed/${name}:1`), /none of its signatures is by a key/, name);
  }
  assert.equal(await daemon.docker("images", "-aq"), "");
});

test("an archive brings no signatures: its names come only where none are wanted", async () => {
  await publish("other", "archived", []);
  const source = `${registry}/other:1`;
  await daemon.docker("pull", "-q", source);
  const archive = join(daemon.folder, "archive.tar");
  const refused = /image policy refuses .*: it must be signed, and an archive brings no signatures/;
  const names = { "signed/saved": refused, "rejected/saved": /it lets nothing of this place in/ };
  for (const [name, why] of Object.entries(names)) {
    await daemon.docker("tag", source, `${registry}/${name}:1`);
    await daemon.docker("save", "-o", archive, source, `${registry}/${name}:1`);
    await daemon.docker("rmi", `${registry}/${name}:1`, source);
    const loaded = await daemon.tryDocker(["load", "-i", archive]);
    assert.match(loaded.stderr, why);
    assert.equal(await daemon.docker("images", "-aq"), "", "nothing of it comes");
    await daemon.docker("pull", "-q", source);
  }
  const imported = await daemon.tryDocker(["import", archive, `${registry}/signed/imported`]);
  assert.match(imported.stderr, refused);
  await daemon.docker("save", "-o", archive, source);
  await daemon.docker("rmi", source);
  assert.match(await daemon.docker("load", "-i", archive), /Loaded image: .*other:1/);
  await daemon.docker("rmi", source);
});
