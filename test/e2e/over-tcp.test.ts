import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CertificateSet } from "../../src/cli/certs/certificate-set.ts";
import { containersOnly, TestDaemon } from "./daemon.ts";

const duetd = join(import.meta.dirname, "../../bin/duetd");

test("duetd serves TCP to clients with a certificate, and refuses to without any checks (F81)", async (context) => {
  const folder = await mkdtemp("/tmp/duet-certs-");
  context.after(() => rm(folder, { recursive: true }));
  const certificates = new CertificateSet(join(folder, "certs"));
  await certificates.create(["localhost"], "client", 10);
  const file = (name: string): string => join(certificates.folder, name);
  const flags = [
    ...["--tlsverify", "--tlscacert", file("ca.pem"), "--tlscert", file("server-cert.pem")],
    ...["--tlskey", file("server-key.pem"), "--host", "tcp://127.0.0.1:2376"],
  ];
  const daemon = await TestDaemon.start(context, { flags: [...containersOnly, ...flags] });
  const client = join(certificates.clients, "client");
  const pair = ["ca", "cert", "key"].map(
    (name) => `--tls${name === "ca" ? "cacert" : name}=${join(client, `${name}.pem`)}`,
  );
  const overTcp = async (...words: string[]): Promise<string> => {
    const all = ["--tlsverify", ...pair, "-H", "tcp://localhost:2376", ...words];
    const { code, stdout, stderr } = await daemon.tryOnHost(["docker", ...all]);
    return `${code} ${stdout.toString()}${stderr}`;
  };
  assert.match(await overTcp("version"), /^0 .*Server: Duet/s);
  await certificates.renew([], 10);
  daemon.signal("SIGHUP");
  await daemon.logged("certificates-read");
  assert.match(await overTcp("version"), /^0 .*Server: Duet/s);
  const plain = await daemon.tryOnHost(["docker", "-H", "tcp://localhost:2376", "version"]);
  assert.doesNotMatch(plain.stdout.toString(), /Server: Duet/);
  for (const host of ["tcp://127.0.0.1:2375", "tcp://0.0.0.0:2375", "http://[::1]:2375"]) {
    const where = ["--data-root", join(folder, "data"), "--run-dir", join(folder, "run")];
    const refused = await daemon.tryOnHost([duetd, ...where, "--host", host]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /refusing to serve the API on .*duet certs create.*--tlsverify/s);
  }
});
