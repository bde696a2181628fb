import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archiveOf, type Sample } from "../kit/tar/samples.ts";
import type { TestDaemon } from "../e2e/daemon.ts";
import { loadHostile, printed, putArchive } from "./hostile-image.ts";
import type { Place } from "./layers/outside.ts";
import { attacks } from "./shared-daemon.ts";

/* What an image puts where the engine and the runtime look, mount and enter. */

const attack = attacks();

function link(name: string, linkName: string): Sample {
  return { kind: "symlink", name, linkName, mode: 0o777 };
}

/** Runs a shell script in a container of the image. */
function shell(daemon: TestDaemon, image: string, script: string, ...options: string[]) {
  return daemon.tryDocker(["run", "--rm", ...options, image, "sh", "-c", script]);
}

/** It either refused, or ran inside its own root: in no case did it see the canaries. */
function blind(said: { readonly stdout: Buffer; readonly stderr: string }, what: string): void {
  assert.doesNotMatch(`${said.stdout.toString()}${said.stderr}`, /untouched/, what);
  assert.doesNotMatch(said.stderr, /INTERNAL|at .*\.ts:\d/, what);
}

attack(
  "users are not looked up through a link, in a FIFO or in a huge file (A29)",
  async (daemon, place) => {
    writeFileSync(join(place.folder, "passwd"), "bob:x:0:0::/:/bin/sh\n");
    const etc: Sample = { kind: "directory", name: "etc" };
    const layers: Readonly<Record<string, readonly Sample[]>> = {
      "passwd-link": [etc, link("etc/passwd", join(place.folder, "passwd"))],
      "passwd-climbs": [etc, link("etc/passwd", `../../../../../..${place.folder}/passwd`)],
      "passwd-proc": [etc, link("etc/passwd", "/proc/self/environ")],
      "passwd-fifo": [etc, { kind: "fifo", name: "etc/passwd" }],
      "passwd-folder": [etc, { kind: "directory", name: "etc/passwd" }],
      "passwd-huge": [etc, { kind: "file", name: "etc/passwd", data: "x\n".repeat(1 << 20) }],
      "etc-link": [link("etc", place.folder)],
    };
    for (const [name, layer] of Object.entries(layers)) {
      await loadHostile(daemon, { name, layers: [layer] });
      const said = await daemon.tryDocker(["run", "--rm", "-u", "bob", name, "id"]);
      assert.notEqual(said.code, 0, name);
      assert.doesNotMatch(said.stderr, /helper is gone/, name);
      assert.match(
        said.stderr,
        /unable to find user|not a regular file|larger|too large|passwd/,
        name,
      );
      blind(said, name);
    }
  },
);

attack(
  "a FIFO that the workload makes of its user files holds no exec up for ever (A29)",
  async (daemon, _place, context) => {
    await loadHostile(daemon, { name: "plain" });
    const script =
      "busybox mkdir -p /etc; busybox mkfifo /etc/passwd /etc/group; echo made; sleep 1000";
    const id = (await daemon.docker("run", "-d", "plain", "sh", "-c", script)).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    await printed(daemon, id, "made");
    const named = await daemon.tryDocker(["exec", "-u", "bob", id, "id"]);
    assert.match(`${named.stdout.toString()}${named.stderr}`, /cannot read/);
    const plain = await daemon.tryDocker(["exec", id, "true"]);
    assert.equal(plain.code, 0, plain.stderr);
    const stuck = daemon.tryDocker(["exec", id, "cat", "/etc/passwd"]);
    await daemon.docker("rm", "-f", id);
    assert.notEqual((await stuck).code, 0);
  },
);

attack("a working directory is never a folder of the host (A30)", async (daemon, place) => {
  const up = "../../../../../../../../../..";
  const links = [link("out", place.outside), link("climb", `${up}${place.outside}`)];
  const see = `pwd -P; cat canary ./${up}${place.outside}/canary; ls -la . | head -5`;
  const directories = [
    "/proc/self/fd/7",
    "/proc/self/fd/8",
    "/proc/1/root",
    "/../..",
    "/out",
    "/climb/new",
  ];
  for (const [at, WorkingDir] of directories.entries()) {
    await loadHostile(daemon, { name: `workdir${at}`, config: { WorkingDir }, layers: [links] });
    blind(await shell(daemon, `workdir${at}`, see), WorkingDir);
    place.check();
  }
  const id = (await daemon.docker("run", "-d", "-w", "/", "workdir0", "sleep", "1000")).trim();
  for (const directory of ["/proc/self/fd/7", "/proc/self/fd/8", "/proc/self/fd/9", "/out"]) {
    blind(await daemon.tryDocker(["exec", "-w", directory, id, "sh", "-c", see]), directory);
  }
  await daemon.docker("rm", "-f", id);
});

attack(
  "an image's volumes cover neither /proc nor anything outside (A30)",
  async (daemon, place) => {
    const layer = [
      link("out", place.outside),
      link("climb", `../../../..${place.outside}`),
      link("to-proc", "proc"),
    ];
    const refused = [
      "/proc",
      "/to-proc/sys",
      "/to-proc",
      "/",
      "/..",
      "relative",
      "/proc/self/fd/7",
    ];
    for (const [at, target] of refused.entries()) {
      const config = { Volumes: { [target]: {} } };
      await loadHostile(daemon, { name: `volume${at}`, config, layers: [layer] });
      const said = await shell(daemon, `volume${at}`, "echo ran; cat /proc/self/fd/7/canary");
      assert.notEqual(said.stdout.toString(), "ran\n", target);
      blind(said, target);
    }
    const Volumes = { "/out": {}, "/climb/folder": {}, "/../../../tmp/over": {} };
    await loadHostile(daemon, { name: "volumes", config: { Volumes }, layers: [layer] });
    const script = `touch /out/planted /climb/folder/planted /tmp/over/planted; ls ${place.outside} ${place.outside}/folder /tmp/over; cat /out/canary`;
    const said = await shell(daemon, "volumes", script);
    assert.match(said.stdout.toString(), /planted[^]*planted[^]*planted/, said.stderr);
    blind(said, "volumes");
  },
);

attack(
  "mounts land inside the root, whatever links stand in their way (E59, A30)",
  async (daemon, place) => {
    const layer = [
      link("out", place.outside),
      link("climb", "../../../../../../../.."),
      link("file", join(place.outside, "canary")),
    ];
    await loadHostile(daemon, { name: "targets", layers: [layer] });
    writeFileSync(join(place.folder, "source"), "mounted\n");
    const mounts = [
      ["-v", "one:/out/folder"],
      ["-v", `two:/climb${place.outside}/folder`],
      ["-v", "three:/out/../../etc"],
      ["-v", `${place.folder}/source:/file`],
      ["--tmpfs", "/out/folder/new"],
    ];
    for (const [option = "", value = ""] of mounts) {
      const target = value.split(":").at(-1) ?? "";
      const script = `touch ${target}/planted 2>/dev/null; cat ${target} ${target}/canary ${target}/../canary`;
      blind(await shell(daemon, "targets", script, option, value), value);
      place.check();
    }
    const three = await shell(
      daemon,
      "targets",
      "touch /etc/planted; ls /etc",
      ...(mounts[2] ?? []),
    );
    assert.match(three.stdout.toString(), /planted/, three.stderr);
  },
);

attack("the engine's own files are laid over nothing outside (A29, E59)", async (daemon, place) => {
  const etc: Sample = { kind: "directory", name: "etc" };
  const names = ["hostname", "hosts", "resolv.conf"];
  const linked = names.map((name) => link(`etc/${name}`, join(place.outside, "canary")));
  const climbing = names.map((name) =>
    link(`etc/${name}`, `../../../../..${place.outside}/new-${name}`),
  );
  const folders = names.map((name): Sample => ({ kind: "directory", name: `etc/${name}` }));
  const circle = [
    link("etc/hosts", "hosts"),
    link("etc/hostname", "resolv.conf"),
    link("etc/resolv.conf", "hostname"),
  ];
  const layers = {
    linked: [etc, ...linked],
    climbing: [etc, ...climbing],
    folders: [etc, ...folders],
    circle: [etc, ...circle],
    whole: [link("etc", place.outside)],
  };
  for (const [name, layer] of Object.entries(layers)) {
    await loadHostile(daemon, { name: `etc-${name}`, layers: [layer] });
    const script =
      "echo planted >> /etc/hosts; echo planted >> /etc/hostname; cat /etc/hosts; cat /etc/canary";
    const said = await shell(daemon, `etc-${name}`, script);
    blind(said, name);
    assert.deepEqual(readdirSync(place.outside).toSorted(), ["canary", "folder", "passwd"]);
  }
  await nothingRuns(daemon);
});

attack(
  "/dev, /proc and /sys that are links are refused before anything follows them (E59, E60)",
  async (daemon, place) => {
    for (const name of ["dev", "proc", "sys"]) {
      for (const target of [place.outside, `../../../../..${place.outside}/folder`, "/bin"]) {
        await loadHostile(daemon, { name: `system-${name}`, layers: [[link(name, target)]] });
        const said = await shell(daemon, `system-${name}`, "true");
        place.check();
        assert.notEqual(said.code, 0);
        assert.match(said.stderr, new RegExp(`cannot mount on /${name}`));
      }
    }
    await nothingRuns(daemon);
  },
);

attack("links in the image's /dev are covered, and led nowhere (E59)", async (daemon, place) => {
  const canary = join(place.outside, "canary");
  const links = ["null", "console", "ptmx", "tty"].map((name) => link(`dev/${name}`, canary));
  const folders = ["pts", "shm", "mqueue", "fd"].map((name) => link(`dev/${name}`, place.outside));
  const layers = [[{ kind: "directory", name: "dev" } as const, ...links, ...folders]];
  await loadHostile(daemon, { name: "devices", layers });
  const script =
    "echo x > /dev/null; echo x > /dev/console; touch /dev/planted /dev/shm/planted; stat -c %F /dev/null /dev/shm";
  const said = await daemon.tryDocker(["run", "--rm", "-t", "devices", "sh", "-c", script]);
  assert.match(said.stdout.toString(), /character special file\r\ndirectory/);
});

attack(
  "a link that was copied to where /dev was is seen at the next start (E59)",
  async (daemon, place) => {
    await loadHostile(daemon, { name: "plain" });
    const id = (await daemon.docker("create", "plain", "true")).trim();
    const tar = archiveOf([link("dev", place.outside)]);
    const put = await putArchive(daemon, id, tar);
    assert.equal(put, 200);
    const said = await daemon.tryDocker(["start", id]);
    assert.notEqual(said.code, 0);
    assert.match(said.stderr, /cannot mount on \/dev/);
    await daemon.docker("rm", id);
  },
);

attack(
  "an image's own /dev, brought in as a volume, unmasks nothing (E59, A30)",
  async (daemon, place) => {
    const folder: Sample = { kind: "directory", name: "dev" };
    for (const target of ["/dev", "/to-dev"]) {
      for (const hidden of ["/proc/keys", "/proc/kcore", join(place.outside, "canary")]) {
        const layer = [folder, link("to-dev", "dev"), link("dev/null", hidden)];
        const config = { Volumes: { [target]: {} } };
        await loadHostile(daemon, { name: "own-dev", config, layers: [layer] });
        const said = await shell(
          daemon,
          "own-dev",
          "stat -c %F /proc/keys /proc/kcore; echo x > /dev/null",
        );
        assert.doesNotMatch(said.stdout.toString(), /regular/, `${target} ${hidden}`);
        place.check();
      }
    }
  },
);

async function nothingRuns(daemon: TestDaemon): Promise<void> {
  assert.equal(await daemon.docker("ps", "-aq"), "");
  await daemon.assertNothingOf("a refused start");
}

attack(
  "a start that failed half-way leaves no mount, and the next one succeeds",
  async (daemon, place: Place) => {
    await loadHostile(daemon, { name: "again" });
    const bad = await shell(daemon, "again", "true", "-v", "again:/proc/sys");
    assert.notEqual(bad.code, 0);
    await nothingRuns(daemon);
    place.check();
    assert.equal((await shell(daemon, "again", "echo ran")).stdout.toString(), "ran\n");
  },
);
