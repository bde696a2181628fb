import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archiveOf, type Sample } from "../kit/tar/samples.ts";
import type { TestDaemon } from "../e2e/daemon.ts";
import { loadHostile, printed, putArchive } from "./hostile-image.ts";
import type { Place } from "./layers/outside.ts";
import { attacks } from "./shared-daemon.ts";

/* Group D of the attack list through `docker cp`, the workload being the attacker. */

const attack = attacks();
const copies = 100;
const roundMilliseconds = 60_000;
const longestMilliseconds = 300_000;

/** The program that exchanges two names without end, as a file of an image. */
function exchanger(place: Place): Sample {
  const program = join(place.folder, "exchange");
  const source = join(import.meta.dirname, "copy/exchange.c");
  execFileSync("musl-gcc", ["-static", "-O2", "-D_GNU_SOURCE", "-o", program, source]);
  return { kind: "file", name: "exchange", mode: 0o755, data: readFileSync(program) };
}

async function exchanging(daemon: TestDaemon, place: Place): Promise<string> {
  await loadHostile(daemon, { name: "exchange", layers: [[exchanger(place)]] });
  // Made by the workload: overlayfs exchanges no folder of a lower layer.
  const script = `busybox mkdir -p /w/real; echo inside > /w/real/canary; busybox ln -s ${place.outside} /w/evil; exec /exchange /w/real /w/evil`;
  const id = (await daemon.docker("run", "-d", "exchange", "sh", "-c", script)).trim();
  await printed(daemon, id, "swapping");
  return id;
}

attack(
  "a folder and a link that change places lead no docker cp out, in either direction (D52)",
  async (daemon, place, context) => {
    const id = await exchanging(daemon, place);
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    const planted = join(place.folder, "planted");
    writeFileSync(planted, "planted\n");
    const begun = performance.now();
    const seen = { in: 0, out: 0, refused: 0 };
    /* On a slow host it takes longer until both have happened. */
    const isEnough = (rounds: number): boolean => {
      const took = performance.now() - begun;
      if (seen.out === 0 || seen.refused === 0) return took > longestMilliseconds;
      return rounds >= copies || took > roundMilliseconds;
    };
    for (let round = 0; !isEnough(round); round += 1) {
      const target = join(place.folder, `out-${round}`);
      const out = await daemon.tryDocker(["cp", `${id}:/w/real/canary`, target]);
      if (out.code === 0) assert.equal(readFileSync(target, "utf8"), "inside\n");
      const into = await daemon.tryDocker(["cp", planted, `${id}:/w/real/`]);
      seen.out += Number(out.code === 0);
      seen.in += Number(into.code === 0);
      seen.refused += Number(out.code !== 0) + Number(into.code !== 0);
      assert.doesNotMatch(`${out.stderr}${into.stderr}`, /untouched|INTERNAL|at .*\.ts:\d/);
    }
    assert.equal(await daemon.docker("inspect", "-f", "{{.State.Running}}", id), "true\n");
    assert.ok(seen.out > 0 && seen.refused > 0, JSON.stringify(seen));
    place.check();
  },
);

attack(
  "FIFOs, sockets and devices of a running workload are copied as what they are, and hold nothing up (D56)",
  async (daemon, place, context) => {
    await loadHostile(daemon, { name: "plain" });
    const script =
      "busybox mkdir /odd; busybox mkfifo /odd/fifo; busybox mknod /odd/null c 1 3; busybox mknod /odd/disk b 8 0; busybox nc -ll -p 1 & busybox ln -s /odd/fifo /link; echo made; sleep 1000";
    const id = (await daemon.docker("run", "-d", "plain", "sh", "-c", script)).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    await printed(daemon, id, "made");
    const path = join(place.folder, "copied.tar");
    execFileSync(
      "sh",
      ["-c", `exec docker --host unix://${daemon.socket} cp ${id}:/odd - > ${path}`],
      { timeout: 300_000 },
    );
    const listed = execFileSync("tar", ["-tvf", path], { encoding: "utf8" });
    assert.match(listed, /^p.*odd\/fifo$/m);
    for (const name of ["/odd/fifo", "/link"]) {
      const target = join(place.folder, `copy-of${name.replaceAll("/", "-")}`);
      await daemon.tryDocker(["cp", `${id}:${name}`, target]);
    }
    const writing = await daemon.tryDocker(["cp", path, `${id}:/odd/fifo`]);
    assert.doesNotMatch(writing.stderr, /INTERNAL/);
    await daemon.docker("exec", id, "sh", "-c", "test -e /odd");
  },
);

attack(
  "a parent that is a link up and out keeps copies inside, running and stopped (D52, D56)",
  async (daemon, place, context) => {
    const links: Sample[] = [
      { kind: "symlink", name: "up", linkName: "/../../.." },
      { kind: "symlink", name: "out", linkName: place.outside },
      { kind: "symlink", name: "file", linkName: join(place.outside, "canary") },
    ];
    await loadHostile(daemon, { name: "links", layers: [links] });
    const id = (await daemon.docker("create", "links", "sleep", "1000")).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    mkdirSync(join(place.folder, "in"));
    writeFileSync(join(place.folder, "in/canary"), "planted\n");
    for (const state of ["stopped", "running"]) {
      if (state === "running") await daemon.docker("start", id);
      for (const target of [
        `/up${place.outside}/`,
        "/out/",
        "/file",
        `/up/..${place.outside}/folder`,
      ]) {
        await daemon.tryDocker(["cp", join(place.folder, "in/canary"), `${id}:${target}`]);
        const back = join(place.folder, "back");
        const read = await daemon.tryDocker(["cp", "-L", `${id}:${target}canary`, back]);
        if (read.code === 0) assert.equal(readFileSync(back, "utf8"), "planted\n");
        place.check();
      }
    }
  },
);

attack(
  "archives with names and links that climb are unpacked inside or refused (A1, A2, D52)",
  async (daemon, place, context) => {
    await loadHostile(daemon, { name: "plain" });
    const id = (await daemon.docker("run", "-d", "plain", "sleep", "1000")).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    const archives: Readonly<Record<string, readonly Sample[]>> = {
      climbs: [{ kind: "file", name: `../../../../..${place.outside}/planted`, data: "x" }],
      absolute: [{ kind: "file", name: `${place.outside}/planted`, data: "x" }],
      through: [
        { kind: "symlink", name: "l", linkName: place.outside },
        { kind: "file", name: "l/planted", data: "x" },
      ],
      hard: [{ kind: "hardlink", name: "h", linkName: join(place.outside, "canary") }],
      proc: [{ kind: "file", name: "proc/1/root/planted", data: "x" }],
      magic: [{ kind: "file", name: "proc/self/root/tmp/planted", data: "x" }],
    };
    for (const [name, members] of Object.entries(archives)) {
      const status = await putArchive(daemon, id, archiveOf(members));
      assert.ok(status < 500, `${name}: ${status}`);
      place.check();
    }
    assert.deepEqual(readdirSync(place.outside).toSorted(), ["canary", "folder", "passwd"]);
  },
);
