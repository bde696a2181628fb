import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createReadStream, lstatSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readTar } from "../../src/kit/tar/reader.ts";
import { archiveOf, rawExtended, type Sample } from "../kit/tar/samples.ts";
import { hostileArchive, loadBytes, loadHostile, type HostileImage } from "./hostile-image.ts";
import { attacks } from "./shared-daemon.ts";
import type { TestDaemon } from "../e2e/daemon.ts";

/* Group A of the attack list, through the daemon: an image is loaded, and run where it can be. */

const attack = attacks();

/** Loads and creates from an image that one of the two must refuse; gives what was said. */
async function refused(daemon: TestDaemon, bytes: Buffer, name: string): Promise<string> {
  const loaded = await loadBytes(daemon, bytes);
  const said = loaded.code !== 0 ? loaded : await daemon.tryDocker(["create", name]);
  assert.notEqual(said.code, 0, "nobody refused it");
  assert.deepEqual(readdirSync(join(daemon.folder, "data/content/ingests")), []);
  assert.doesNotMatch(said.stderr, /INTERNAL|at .*\.ts:\d/);
  return said.stderr;
}

function member(name: string, data = "planted\n"): Sample {
  return { kind: "file", name, data };
}

for (const name of ["../planted", "a/../../planted", "../../../../../../tmp/planted"]) {
  attack(`a layer with a member ${name} makes no container (A1)`, async (daemon) => {
    const image: HostileImage = { name: "climbs", layers: [[member(name)]] };
    assert.match(await refused(daemon, hostileArchive(image), "climbs"), /escapes|\.\./);
  });
}

attack(
  "links of a layer lead its later members nowhere outside (A1, A2)",
  async (daemon, place) => {
    const layers: Sample[][] = [
      [
        { kind: "symlink", name: "abs", linkName: place.outside },
        { kind: "symlink", name: "up", linkName: "../../../../../../../../../.." },
        { kind: "directory", name: "inner" },
        { kind: "symlink", name: "inner/go_up", linkName: ".." },
      ],
      [member(`/inner/go_up/via`), { kind: "directory", name: "folder" }],
      [
        { kind: "symlink", name: "canary", linkName: join(place.outside, "canary") },
        { kind: "symlink", name: "folder/link", linkName: "/canary" },
      ],
      [{ kind: "file", name: "canary", data: "replaced\n" }],
    ];
    await loadHostile(daemon, { name: "links", layers });
    const seen = await daemon.docker("run", "--rm", "links", "cat", "/canary", "/inner/go_up/via");
    assert.equal(seen, "replaced\nplanted\n");
    const through = await daemon.tryDocker(["run", "--rm", "links", "ls", "/abs/"]);
    assert.notEqual(through.code, 0);
  },
);

attack(
  "writing through a link to the host's folder fails or stays inside (A2)",
  async (daemon, place) => {
    for (const [at, target] of [place.outside, "../../../../../../../../.."].entries()) {
      const name = `through-${at}`;
      const path = at === 0 ? "l/planted" : `l${place.outside}/planted`;
      const layers: Sample[][] = [
        [{ kind: "symlink", name: "l", linkName: target }],
        [member(path), { kind: "file", name: path.replace("planted", "canary"), data: "x" }],
      ];
      const loaded = await loadBytes(daemon, hostileArchive({ name, layers }));
      if (loaded.code === 0) await daemon.tryDocker(["run", "--rm", name, "ls", "/l"]);
      place.check();
    }
  },
);

attack("a hardlink to a file of the host makes no container (A2)", async (daemon, place) => {
  const linkName = join(place.outside, "canary");
  const layers: Sample[][] = [[{ kind: "hardlink", name: "h", linkName }]];
  await refused(daemon, hostileArchive({ name: "hard", layers }), "hard");
});

attack("whiteouts delete in the layers below and nowhere else (A6)", async (daemon, place) => {
  for (const [at, name] of [".wh.", ".wh..", ".wh...", "a/.wh.../x"].entries()) {
    const image: HostileImage = { name: `wh${at}`, layers: [[member(name, "")]] };
    await refused(daemon, hostileArchive(image), `wh${at}`);
  }
  const link: Sample = { kind: "symlink", name: "out", linkName: place.outside };
  const through = hostileArchive({ name: "wh", layers: [[link], [member("out/.wh.canary", "")]] });
  const loaded = await loadBytes(daemon, through);
  if (loaded.code === 0) await daemon.tryDocker(["run", "--rm", "wh", "ls", "/out/"]);
  place.check();
  const opaque = [[member("gone")], [member(".wh..wh..opq", ""), member("stays")]];
  await loadHostile(daemon, { name: "opaque", layers: opaque });
  const names = await memberNames(daemon, await created(daemon, "opaque", "/stays"));
  assert.ok(names.includes("stays"), names.join(" "));
  assert.ok(!names.some((name) => /gone|busybox/.test(name)), names.join(" "));
});

async function memberNames(daemon: TestDaemon, container: string): Promise<string[]> {
  const path = join(daemon.folder, "export.tar");
  await daemon.docker("export", "-o", path, container);
  const names: string[] = [];
  for await (const entry of readTar(createReadStream(path))) names.push(entry.name.toString());
  return names;
}

async function created(daemon: TestDaemon, image: string, ...command: string[]): Promise<string> {
  return (await daemon.docker("create", image, ...command)).trim();
}

attack(
  "setuid programs of an image are out of reach for the host's users (A10)",
  async (daemon) => {
    const program: Sample = {
      ...{
        kind: "file",
        name: "root-shell",
        mode: 0o6755,
        uid: 0,
        gid: 0,
        data: "#!/bin/sh\nid\n",
      },
      attributes: [
        {
          name: Buffer.from("security.capability"),
          value: Buffer.from("0100000200040000000000000000000000000000", "hex"),
        },
      ],
    };
    await loadHostile(daemon, { name: "setuid", layers: [[program]] });
    const inside = await daemon.docker("run", "--rm", "setuid", "stat", "-c", "%a", "/root-shell");
    assert.equal(inside, "6755\n", "the workload keeps its program");
    const id = (await daemon.docker("run", "-d", "setuid", "sleep", "1000")).trim();
    /* What the first run wrote goes meanwhile, which find tells of. */
    const { stdout } = spawnSync("find", [daemon.folder, "-name", "root-shell"]);
    const found = stdout.toString();
    const paths = found.split("\n").filter(Boolean);
    assert.notEqual(paths.length, 0, "the layer is somewhere");
    const tried = paths.map((path) => `test -e '${path}' && echo reached; ls '${path}'`).join(";");
    const asNobody = `setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "${tried}; exit 0" 2>&1`;
    execFileSync("chmod", ["755", daemon.folder]);
    assert.doesNotMatch(execFileSync("sh", ["-c", asNobody], { encoding: "utf8" }), /reached/);
    execFileSync("chmod", ["700", daemon.folder]);
    const mode = lstatSync(join(daemon.folder, "data")).mode & 0o777;
    assert.ok(mode === 0o710 || mode === 0o700, mode.toString(8));
    await daemon.docker("rm", "-f", id);
  },
);

attack(
  "a file that claims more than the ceiling is refused, and nothing of it stays (A11, A12)",
  async (daemon) => {
    const before = await diskBytes(daemon);
    const layer = Buffer.concat([
      rawExtended("x", "26 GNU.sparse.map=0,0,0,0\n32 GNU.sparse.size=549755813888\n"),
      archiveOf([{ kind: "file", name: "f" }]),
    ]);
    const said = await refused(daemon, hostileArchive({ name: "huge", layers: [layer] }), "huge");
    assert.match(said, /too large/);
    assert.ok((await diskBytes(daemon)) - before < 1 << 20, "something of it is left");
  },
);

attack(
  "layers that are damaged after much of them was unpacked leave nothing (A11, A19)",
  async (daemon) => {
    const before = await diskBytes(daemon);
    const zeros: Sample = { kind: "file", name: "zeros", data: Buffer.alloc(64 << 20) };
    const layer = gzipSync(archiveOf([zeros]).subarray(0, -1_024)).subarray(0, -4);
    const said = await refused(daemon, hostileArchive({ name: "cut", layers: [layer] }), "cut");
    assert.match(said, /damaged|invalid|ends|corrupt/);
    assert.ok((await diskBytes(daemon)) - before < 1 << 20, "something of it is left");
  },
);

/** What the data root takes on the disk once the daemon has collected what nothing uses. */
async function diskBytes(daemon: TestDaemon): Promise<number> {
  await daemon.docker("image", "prune", "-f");
  /* What containers of before wrote goes in its own time. */
  const others = ["*/snapshots/w", "*/data/containers"].map((path) => `--exclude=${path}`);
  const { stdout } = spawnSync("du", ["-sk", ...others, join(daemon.folder, "data")]);
  return Number(stdout.toString().split("\t")[0]) * 1_024;
}

attack(
  "a configuration over 4 MiB, one of other bytes, and one with a key twice are refused (A20, A23, A26)",
  async (daemon) => {
    const padded = (text: string): string => text.padEnd((4 << 20) + 1);
    await refused(daemon, hostileArchive({ name: "long", configText: padded }), "long");
    const twice = (text: string): string => text.replace("{", `{"os":"linux",`);
    const said = await refused(
      daemon,
      hostileArchive({ name: "twice", configText: twice }),
      "twice",
    );
    assert.match(said, /twice/);
    const other = (text: string): string => text.replace(/sha256:./, "sha256:f");
    await refused(daemon, hostileArchive({ name: "other", configText: other }), "other");
  },
);

attack("an index that goes on without end stops at its ceiling (A23)", async (daemon) => {
  const entry = `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:${"a".repeat(64)}","size":1},`;
  const text = `{"schemaVersion":2,"manifests":[${entry.repeat(40_000)}`;
  const bytes = archiveOf([
    { kind: "file", name: "oci-layout", data: `{"imageLayoutVersion":"1.0.0"}` },
    { kind: "file", name: "index.json", data: text },
  ]);
  assert.match(await refused(daemon, bytes, "none"), /larger than 4 MiB/);
});

attack(
  "an image without layers is an empty root, and says which command it lacks (A27)",
  async (daemon) => {
    await loadHostile(daemon, { name: "empty", busybox: false });
    const run = await daemon.tryDocker(["run", "--name", "nothing", "empty", "/bin/sh"]);
    assert.equal(run.code, 127, run.stderr);
    assert.match(run.stderr, /\/bin\/sh.*(no such file|not found)/i);
    const root = await daemon.docker("export", "nothing");
    assert.doesNotMatch(root, /bin\/|passwd|vmlinuz/);
    await daemon.docker("rm", "nothing");
  },
);

attack(
  "labels in Duet's, Docker's and an OCI runtime's own namespaces are labels and no more (A31)",
  async (daemon, place) => {
    const names = [
      "org.duet.isolation",
      "duet.isolation",
      "io.duet.vm",
      "com.docker.compose.project",
    ];
    const more = [
      "com.docker.network.bridge.name",
      "run.oci.keep_original_groups",
      "module.wasm.image/variant",
    ];
    const hooks = [
      "run.oci.hooks.stdout",
      "io.kubernetes.cri-o.Devices",
      "org.systemd.property.DeviceAllow",
    ];
    const Labels = Object.fromEntries(
      [...names, ...more, ...hooks].map((name) => [name, `vm,${place.outside}/canary,/dev/kmsg`]),
    );
    await loadHostile(daemon, { name: "labelled", config: { Labels } });
    const id = (await daemon.docker("run", "-d", "labelled", "sleep", "1000")).trim();
    const shown = JSON.parse(await daemon.docker("inspect", id))[0];
    assert.deepEqual(shown.Config.Labels, Labels);
    assert.equal(shown.HostConfig.Isolation, "");
    assert.deepEqual(shown.HostConfig.Annotations ?? {}, {});
    assert.deepEqual(shown.Mounts, []);
    const config = readFileSync(
      join(daemon.folder, "run/w", id.slice(0, 12), "config.json"),
      "utf8",
    );
    assert.doesNotMatch(config, /kmsg|canary|cri-o|run\.oci/);
    await daemon.docker("rm", "-f", id);
  },
);

attack(
  "NUL bytes and megabytes in what an image wants to run are refused with a reason (A32)",
  async (daemon) => {
    const configs = {
      env: { Env: ["A=x\0LD_PRELOAD=/evil"] },
      command: { Cmd: ["/bin/echo", "a\0b"] },
      entrypoint: { Entrypoint: ["/bin/\0sh"] },
      directory: { WorkingDir: "/a\0b" },
      user: { User: "root\0x" },
      volume: { Volumes: { "/a\0b": {} } },
      signal: { StopSignal: "TERM\0" },
      health: { Healthcheck: { Test: ["CMD", "a\0b"] } },
    };
    for (const [name, config] of Object.entries(configs)) {
      const loaded = await loadBytes(daemon, hostileArchive({ name: `nul-${name}`, config }));
      const said =
        loaded.code === 0 ? await daemon.tryDocker(["run", "--rm", `nul-${name}`]) : loaded;
      assert.notEqual(said.code, 0, name);
      assert.match(said.stderr, /NUL/, name);
    }
    const large = { Env: [`A=${"x".repeat(3 << 20)}`] };
    await loadHostile(daemon, { name: "large-env", config: large });
    const said = await daemon.tryDocker(["run", "--rm", "large-env", "echo", "ran"]);
    assert.notEqual(said.code, 0);
    assert.match(said.stderr, /too long|too large|argument list|over/i);
    const asked = await daemon.tryDocker([
      "create",
      "--env-file",
      await envFile(daemon),
      "large-env",
    ]);
    assert.notEqual(asked.code, 0);
    assert.match(asked.stderr, /large|over|4 MiB/i);
  },
);

async function envFile(daemon: TestDaemon): Promise<string> {
  const path = join(daemon.folder, "env");
  await writeFile(
    path,
    `A=${"x".repeat(60_000)}\n`.repeat(180).replaceAll(/^A/gm, () => `A${Math.random()}`),
  );
  return path;
}
