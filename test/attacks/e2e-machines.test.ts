import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunResult } from "../../src/kit/subprocess.ts";
import type { TestDaemon } from "../e2e/daemon.ts";
import type { Sample } from "../kit/tar/samples.ts";
import { loadHostile } from "./hostile-image.ts";
import { attacks } from "./shared-daemon.ts";

/* What hostile images do to a virtual machine's start: the agent mounts and looks up in the guest. */

const attack = attacks(["--vm-pool-size", "0"]);

function link(name: string, linkName: string): Sample {
  return { kind: "symlink", name, linkName, mode: 0o777 };
}

function shell(
  daemon: TestDaemon,
  image: string,
  script: string,
  ...options: readonly string[]
): Promise<RunResult> {
  const run = ["run", "--rm", "--isolation=vm", ...options, image, "sh", "-c", script];
  return daemon.tryDocker(run);
}

function blind(said: RunResult, what: string): void {
  assert.doesNotMatch(`${said.stdout.toString()}${said.stderr}`, /untouched/, what);
  assert.doesNotMatch(said.stderr, /INTERNAL|at .*\.ts:\d/, what);
}

attack(
  "a machine's users are not looked up through a link, in a FIFO or in a huge file (A29)",
  async (daemon, place) => {
    writeFileSync(join(place.folder, "passwd"), "bob:x:0:0::/:/bin/sh\n");
    const etc: Sample = { kind: "directory", name: "etc" };
    const layers: Readonly<Record<string, readonly Sample[]>> = {
      "passwd-link": [etc, link("etc/passwd", join(place.folder, "passwd"))],
      "passwd-fifo": [etc, { kind: "fifo", name: "etc/passwd" }],
      "passwd-huge": [etc, { kind: "file", name: "etc/passwd", data: "x\n".repeat(1 << 20) }],
    };
    for (const [name, layer] of Object.entries(layers)) {
      await loadHostile(daemon, { name, layers: [layer] });
      const said = await shell(daemon, name, "id", "-u", "bob");
      assert.notEqual(said.code, 0, name);
      assert.equal(said.stdout.toString(), "", name);
      blind(said, name);
    }
  },
);

attack(
  "a machine's volumes and working directory stay inside its root (A30)",
  async (daemon, place) => {
    const links = [link("out", place.outside), link("climb", `../../../../..${place.outside}`)];
    const config = { WorkingDir: "/climb/new", Volumes: { "/out": {}, "/climb/folder": {} } };
    await loadHostile(daemon, { name: "volumes", config, layers: [links] });
    const script = `pwd -P; touch planted /out/planted /climb/folder/planted; ls /out /climb/folder; cat /out/canary`;
    const said = await shell(daemon, "volumes", script);
    assert.match(said.stdout.toString(), /outside\/new\n[^]*planted/, said.stderr);
    blind(said, "volumes");
    for (const WorkingDir of ["/proc/self/fd/7", "/proc/1/root/../.."]) {
      await loadHostile(daemon, { name: "workdir", config: { WorkingDir } });
      blind(await shell(daemon, "workdir", "pwd -P; cat canary"), WorkingDir);
    }
    await loadHostile(daemon, { name: "over-proc", config: { Volumes: { "/proc/sys": {} } } });
    blind(await shell(daemon, "over-proc", "cat /proc/sys/canary"), "over-proc");
  },
);

attack(
  "a machine's mounts land inside its root, whatever links stand in their way (E59)",
  async (daemon, place) => {
    const layer = [link("out", place.outside), link("file", join(place.outside, "canary"))];
    await loadHostile(daemon, { name: "targets", layers: [layer] });
    writeFileSync(join(place.folder, "source"), "mounted\n");
    const volume = ["-v", "one:/out/folder", "-v", `${place.folder}/source:/file`];
    const said = await shell(
      daemon,
      "targets",
      "touch /out/folder/planted; cat /file /out/canary",
      ...volume,
    );
    assert.match(said.stdout.toString(), /mounted/, said.stderr);
    blind(said, "targets");
    const again = await shell(daemon, "targets", "ls /mnt", "-v", "one:/mnt");
    assert.equal(again.stdout.toString(), "planted\n");
  },
);

attack(
  "a machine's own files and system folders that are links lead nowhere outside (E59, E60)",
  async (daemon, place) => {
    const canary = join(place.outside, "canary");
    const etc: Sample = { kind: "directory", name: "etc" };
    const layers: Readonly<Record<string, readonly Sample[]>> = {
      files: [
        etc,
        ...["hostname", "hosts", "resolv.conf"].map((name) => link(`etc/${name}`, canary)),
      ],
      folders: ["dev", "proc", "sys"].map((name) => link(name, place.outside)),
    };
    for (const [name, layer] of Object.entries(layers)) {
      await loadHostile(daemon, { name: `links-${name}`, layers: [layer] });
      blind(
        await shell(daemon, `links-${name}`, "echo planted >> /etc/hosts; cat /dev/canary"),
        name,
      );
      place.check();
    }
    assert.deepEqual(readdirSync(place.outside).toSorted(), ["canary", "folder", "passwd"]);
  },
);

attack(
  "a machine that runs out of memory ends as OOMKilled, 137 (E66)",
  async (daemon, _place, context) => {
    await loadHostile(daemon, { name: "plain" });
    const command = ["run", "-d", "--isolation=vm", "--memory", "128m", "plain"];
    const id = (await daemon.docker(...command, "sh", "-c", "exec busybox tail /dev/zero")).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    assert.equal((await daemon.docker("wait", id)).trim(), "137");
    const state = await daemon.docker(
      "inspect",
      "-f",
      "{{.State.OOMKilled}} {{.State.ExitCode}}",
      id,
    );
    assert.equal(state, "true 137\n");
  },
);
