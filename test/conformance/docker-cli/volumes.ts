import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { ClientAge } from "../../../tools/clients/bring.ts";
import { clientsOfFile } from "../shared.ts";

/** `docker volume`, `-v`, `--mount` and `--tmpfs`. */
export function testVolumes(age: ClientAge): void {
  const title = `docker CLI (${age})`;

  test(`${title}: a volume is created, listed, filtered, used, refused while in use, removed`, async () => {
    const client = await clientsOfFile(age);
    const name = `vol-${age}`;
    assert.equal(
      await client.docker("volume", "create", "--label", "shade=dark", name),
      `${name}\n`,
    );
    const format = "{{.Driver}} {{.Labels.shade}} {{.Scope}}";
    assert.equal(
      await client.docker("volume", "inspect", "-f", format, name),
      "local dark local\n",
    );
    assert.equal(await client.docker("volume", "ls", "-q", "-f", "label=shade"), `${name}\n`);
    const write = ["busybox", "sh", "-c", "echo kept > /data/file"];
    await client.docker("run", "--rm", "-v", `${name}:/data`, ...write);
    const user = `user-${age}`;
    const mount = `type=volume,source=${name},target=/data,readonly`;
    const read = ["busybox", "sh", "-c", "cat /data/file; touch /data/no"];
    const refused = await client.attempt(["run", "--name", user, "--mount", mount, ...read]);
    assert.equal(refused.stdout.toString(), "kept\n");
    assert.match(refused.stderr, /Read-only file system/);
    const busy = await client.attempt(["volume", "rm", name]);
    assert.match(busy.stderr, /volume is in use - \[[0-9a-f]{64}\]/);
    assert.match(await client.docker("ps", "-a", "--filter", `volume=${name}`), new RegExp(user));
    await client.docker("rm", user);
    assert.equal(await client.docker("volume", "rm", name), `${name}\n`);
    assert.match((await client.attempt(["volume", "rm", name])).stderr, /no such volume/i);
  });

  test(`${title}: anonymous volumes take the image's files and go with rm -v`, async () => {
    const client = await clientsOfFile(age);
    const name = `anonymous-${age}`;
    await client.docker(
      "create",
      "--name",
      name,
      "-v",
      "/etc",
      "busybox",
      "cat",
      "/etc/nsswitch.conf",
    );
    const format = "{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}}{{end}}";
    const told = await client.docker("inspect", "-f", format, name);
    const [, volume = ""] = /^volume ([0-9a-f]{64}) \/etc\n$/.exec(told) ?? [];
    assert.match(await client.docker("start", "-a", name), /passwd: files/);
    await client.docker("rm", "-v", name);
    assert.equal((await client.attempt(["volume", "inspect", volume])).code, 1);
  });

  test(`${title}: bind mounts and tmpfs are as told`, async () => {
    const client = await clientsOfFile(age);
    const place = join(client.daemon.folder, `bind-${age}`);
    await mkdir(place);
    await writeFile(join(place, "given"), "given\n");
    const script = "cat /in/given; echo back > /in/back; mount | grep -c ' /scratch type tmpfs'";
    const words = ["-v", `${place}:/in`, "--tmpfs", "/scratch:size=1m,mode=1700", "--read-only"];
    const shown = await client.docker("run", "--rm", ...words, "busybox", "sh", "-c", script);
    assert.equal(shown, "given\n1\n");
    assert.equal(await readFile(join(place, "back"), "utf8"), "back\n");
    const missing = ["--mount", `type=bind,source=${place}/none,target=/x`, "busybox", "true"];
    const refused = await client.attempt(["run", "--rm", ...missing]);
    assert.equal(refused.code, 125);
    assert.match(refused.stderr, /bind source path does not exist/);
  });

  test(`${title}: prune removes volumes that nobody uses`, async () => {
    const client = await clientsOfFile(age);
    const label = `prune=${age}`;
    await client.docker("volume", "create", "--label", label, `prune-${age}`);
    const all = age === "newest" ? ["--all"] : [];
    const pruned = await client.docker(
      "volume",
      "prune",
      "-f",
      ...all,
      "--filter",
      `label=${label}`,
    );
    assert.match(pruned, new RegExp(`Deleted Volumes:\nprune-${age}\n`));
  });
}
