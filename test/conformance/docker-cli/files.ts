import assert from "node:assert/strict";
import { mkdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { described, session, type Way } from "./way.ts";

/** `docker cp`, `diff`, `export`, `commit` and what they read and write. */
export function testFiles(way: Way): void {
  const title = described(way);

  test(`${title}: cp moves files, folders and links both ways, running or not`, async () => {
    const { client, isolated } = await session(way);
    const name = `cp-${way.age}-${way.isolation}`;
    const place = join(client.daemon.folder, name);
    await mkdir(join(place, "tree/deep"), { recursive: true });
    await writeFile(join(place, "tree/deep/file"), "deep\n", { mode: 0o640 });
    await symlink("deep/file", join(place, "tree/link"));
    await client.docker("create", "--name", name, ...isolated, "busybox", "sleep", "1000");
    await client.docker("cp", join(place, "tree"), `${name}:/opt`);
    await client.docker("start", name);
    const read = "stat -c %a /opt/deep/file; cat /opt/link; readlink /opt/link";
    assert.equal(await client.docker("exec", name, "sh", "-c", read), "640\ndeep\ndeep/file\n");
    await client.docker(
      "exec",
      name,
      "sh",
      "-c",
      "mkdir /made; echo made > /made/it; ln -s it /made/l",
    );
    await client.docker("cp", `${name}:/made/.`, join(place, "out"));
    assert.equal(await readFile(join(place, "out/it"), "utf8"), "made\n");
    assert.equal(await readlink(join(place, "out/l")), "it");
    await client.docker("cp", "-L", `${name}:/made/l`, join(place, "followed"));
    assert.equal(await readFile(join(place, "followed"), "utf8"), "made\n");
    await client.docker("cp", join(place, "out/it"), `${name}:/tmp/renamed`);
    assert.equal(await client.docker("exec", name, "cat", "/tmp/renamed"), "made\n");
    await client.docker("stop", "-t", "1", name);
    await client.docker("cp", `${name}:/tmp/renamed`, join(place, "after"));
    assert.equal(await readFile(join(place, "after"), "utf8"), "made\n");
    await client.docker("rm", name);
  });

  test(`${title}: cp streams a tar in and out and names what is missing`, async () => {
    const { client, isolated } = await session(way);
    const name = `tar-${way.age}-${way.isolation}`;
    await client.docker("create", "--name", name, ...isolated, "busybox", "true");
    const archive = (await client.succeed(["cp", `${name}:/etc/passwd`, "-"])).stdout;
    assert.equal(archive.subarray(0, 6).toString(), "passwd");
    await client.succeed(["cp", "-", `${name}:/home`], { input: archive });
    const back = (await client.succeed(["cp", `${name}:/home/passwd`, "-"])).stdout;
    assert.equal(back.subarray(0, 6).toString(), "passwd");
    const missing = await client.attempt(["cp", `${name}:/no/such`, "-"]);
    assert.equal(missing.code, 1);
    assert.match(
      missing.stderr,
      /Could not find the file \/no\/such in container|No such container:path: .*:\/no\/such/,
    );
    const nowhere = await client.attempt(["cp", "-", `${name}:/no/such`], { input: archive });
    assert.equal(nowhere.code, 1);
    await client.docker("rm", name);
  });

  test(`${title}: diff, export and commit show what a container changed`, async () => {
    const { client, isolated } = await session(way);
    const name = `diff-${way.age}-${way.isolation}`;
    const script = "echo new > /home/new; rm /etc/shadow; echo more >> /etc/group";
    const words = ["--name", name, "--label", "from=diff", "-e", "KEPT=yes", ...isolated];
    await client.docker("run", ...words, "busybox", "sh", "-c", script);
    const lines = (await client.docker("diff", name)).trim().split("\n").toSorted();
    assert.deepEqual(lines, ["A /home/new", "C /etc", "C /etc/group", "C /home", "D /etc/shadow"]);
    const image = `committed-${way.age}-${way.isolation}`;
    const change = ["-c", 'CMD ["cat", "/home/new"]', "-m", "why", "-a", "who"];
    assert.match(await client.docker("commit", ...change, name, image), /^sha256:[0-9a-f]{64}\n$/);
    assert.equal(await client.docker("run", "--rm", ...isolated, image), "new\n");
    const format = '{{.Comment}} {{.Author}} {{index .Config.Labels "from"}} {{.Config.Env}}';
    const told = await client.docker("image", "inspect", "--format", format, image);
    assert.match(told, /^why who diff \[.*KEPT=yes.*\]\n$/);
    const exported = await client.succeed(["export", name]);
    assert.ok(exported.stdout.includes("home/new"));
    const imported = await client.succeed(["import", "-", `${image}:flat`], {
      input: exported.stdout,
    });
    assert.match(imported.stdout.toString(), /^sha256:[0-9a-f]{64}\n$/);
    const read = ["run", "--rm", ...isolated, `${image}:flat`, "cat", "/home/new"];
    assert.equal(await client.docker(...read), "new\n");
    await client.docker("rm", name);
    await client.docker("rmi", image, `${image}:flat`);
  });
}
