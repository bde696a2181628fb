import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Place } from "./layers/outside.ts";
import type { Sample } from "../kit/tar/samples.ts";
import { loadHostile, printed } from "./hostile-image.ts";
import { attacks } from "./shared-daemon.ts";

/* Group E of the attack list: what a workload may do by default, through the docker client. */

const attack = attacks();
/** chown dac_override fowner fsetid kill setgid setuid setpcap net_bind net_raw sys_chroot mknod audit_write setfcap. */
const dockersCapabilities = 0xa80425fbn;

const callsSource = `
#include <errno.h>
#include <stdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <unistd.h>
#define SAY(name, call) do { errno = 0; long r = (call); printf("%s %ld %d\\n", name, r < 0 ? -1L : 0L, r < 0 ? errno : 0); } while (0)
int main(void) {
  SAY("keyctl", syscall(SYS_keyctl, 0, -1, 1));
  SAY("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -1));
  SAY("unshare-user", unshare(CLONE_NEWUSER));
  SAY("unshare-mount", unshare(CLONE_NEWNS));
  SAY("mount", mount("none", "/mnt", "tmpfs", 0, ""));
  SAY("umount", umount2("/proc/kcore", MNT_DETACH));
  SAY("bpf", syscall(SYS_bpf, 0, 0, 0));
  SAY("io_uring", syscall(425, 1, 0));
  SAY("open_by_handle", syscall(SYS_open_by_handle_at, 3, 0, 0));
  SAY("kexec", syscall(SYS_kexec_load, 0, 0, 0, 0));
  SAY("ptrace-init-module", syscall(SYS_init_module, 0, 0, ""));
  SAY("perf", syscall(SYS_perf_event_open, 0, 0, -1, -1, 0));
  SAY("userfaultfd", syscall(SYS_userfaultfd, 0));
  SAY("vsock", socket(40, SOCK_STREAM, 0));
  SAY("getpid", syscall(SYS_getpid));
  return 0;
}`;

function callsProgram(place: Place): Sample {
  const path = join(place.folder, "calls");
  execFileSync("musl-gcc", ["-static", "-O1", "-D_GNU_SOURCE", "-xc", "-", "-o", path], {
    input: callsSource,
  });
  return { kind: "file", name: "calls", mode: 0o755, data: readFileSync(path) };
}

attack(
  "capabilities are Docker's, none of them inheritable, in the container and in an exec (E65)",
  async (daemon, _place, context) => {
    await loadHostile(daemon, { name: "plain" });
    const id = (await daemon.docker("run", "-d", "plain", "sleep", "1000")).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    for (const user of ["0", "1000:1000"]) {
      const status = await daemon.docker("exec", "-u", user, id, "cat", "/proc/self/status");
      const set = (name: string): bigint =>
        BigInt(`0x${new RegExp(`^${name}:\\s*(\\w+)`, "m").exec(status)?.[1] ?? "ff"}`);
      assert.equal(set("CapInh"), 0n);
      assert.equal(set("CapAmb"), 0n);
      assert.equal(set("CapBnd") & ~dockersCapabilities, 0n, "beyond Docker's");
      assert.equal(set("CapEff") & ~(user === "0" ? dockersCapabilities : 0n), 0n);
      assert.match(status, /^Seccomp:\s*2$/m);
      assert.match(status, new RegExp(`^Groups:\\s*${user.split(":", 1)[0]}\\s*$`, "m"));
    }
    const first = await daemon.docker("exec", id, "cat", "/proc/1/status");
    assert.match(first, /^CapInh:\s*0+$/m);
  },
);

attack(
  "calls that reach past the container are refused, in the container and in an exec (E63)",
  async (daemon, place, context) => {
    await loadHostile(daemon, { name: "calls", layers: [[callsProgram(place)]] });
    const id = (
      await daemon.docker("run", "-d", "calls", "sh", "-c", "/calls; echo done; sleep 1000")
    ).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    await printed(daemon, id, "done");
    for (const said of [
      await daemon.docker("logs", id),
      await daemon.docker("exec", id, "/calls"),
    ]) {
      const refusals = said.split("\n").filter((line) => / -1 /.test(line));
      const allowed = said.split("\n").filter((line) => line.endsWith(" 0 0"));
      assert.deepEqual(allowed, ["getpid 0 0"], said);
      for (const line of refusals) assert.match(line, / -1 (1|38)$/, line);
    }
  },
);

attack("masked and read-only paths stay so (E61)", async (daemon) => {
  await loadHostile(daemon, { name: "plain" });
  const script =
    "head -c1 /proc/kcore | wc -c; head -c1 /proc/keys | wc -c; ls /sys/firmware | wc -l; for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /sys/kernel/uevent_helper /proc/sys/vm/drop_caches; do { echo x > $f; } 2>/dev/null && echo wrote $f; done; busybox umount /proc/kcore && echo unmounted; busybox mount -o remount,rw /proc/sys && echo remounted; echo end";
  const said = await daemon.tryDocker(["run", "--rm", "plain", "sh", "-c", script]);
  assert.equal(said.stdout.toString(), "0\n0\n0\nend\n", said.stderr);
});

attack(
  "a fork bomb ends at its own limit, and the daemon and others go on (E66)",
  async (daemon, _place, context) => {
    await loadHostile(daemon, { name: "plain" });
    // exec: where the bomb has taken all processes the shell could make none.
    const bomb = "b() { b | b & }; b 2>/dev/null; exec sleep 1000";
    const command = [
      "run",
      "-d",
      "--pids-limit",
      "64",
      "--memory",
      "128m",
      "plain",
      "sh",
      "-c",
      bomb,
    ];
    const id = (await daemon.docker(...command)).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    const other = await daemon.docker("run", "--rm", "plain", "echo", "still serves");
    assert.equal(other, "still serves\n");
    const top = await daemon.docker("top", id);
    assert.ok(top.trim().split("\n").length <= 66, top);
    await daemon.docker("rm", "-f", id);
  },
);

attack(
  "memory and shared memory beyond the limit end the workload as OOMKilled, 137 (E66)",
  async (daemon, _place, context) => {
    await loadHostile(daemon, { name: "plain" });
    const eat = "busybox tail /dev/zero";
    const command = [
      "run",
      "-d",
      "--memory",
      "32m",
      "--memory-swap",
      "32m",
      "plain",
      "sh",
      "-c",
      `exec ${eat}`,
    ];
    const id = (await daemon.docker(...command)).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    assert.equal((await daemon.docker("wait", id)).trim(), "137");
    assert.equal(
      await daemon.docker("inspect", "-f", "{{.State.OOMKilled}} {{.State.ExitCode}}", id),
      "true 137\n",
    );
    const fill =
      "dd if=/dev/zero of=/dev/shm/x bs=1M count=200 2>&1 | head -1; stat -c %s /dev/shm/x";
    const shm = await daemon.tryDocker(["run", "--rm", "plain", "sh", "-c", fill]);
    assert.match(shm.stdout.toString(), /No space left[^]*67108864/);
  },
);

attack(
  "a script whose interpreter is /proc/self/exe gets hold of nothing that can be changed (E57)",
  async (daemon, _place, context) => {
    const script: Sample = {
      kind: "file",
      name: "trap",
      mode: 0o755,
      data: "#!/proc/self/exe\n",
    };
    await loadHostile(daemon, { name: "trap", layers: [[script]] });
    const watch =
      "for n in $(busybox seq 400); do for p in /proc/[0-9]*; do " +
      'exe=$(busybox readlink $p/exe); case "$exe" in *duet*|*runc*|*crun*) echo "saw $exe"; ' +
      "{ echo x >> $p/exe; } 2>/dev/null && echo wrote;; esac; done; done; echo looked; sleep 1000";
    const id = (await daemon.docker("run", "-d", "trap", "sh", "-c", watch)).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    const attempts = await Promise.all(
      Array.from({ length: 8 }, () => daemon.tryDocker(["exec", id, "/trap"])),
    );
    for (const attempt of attempts) assert.notEqual(attempt.code, 0);
    await printed(daemon, id, "looked");
    assert.doesNotMatch(await daemon.docker("logs", id), /wrote/);
    assert.equal((await daemon.tryDocker(["exec", id, "true"])).code, 0);
  },
);

attack(
  "an exec's terminal is one of a devpts, whatever the container put there (E59)",
  async (daemon, _place, context) => {
    await loadHostile(daemon, { name: "plain" });
    const script =
      "busybox umount /dev/pts; busybox rm -rf /dev/pts; busybox mkdir /dev/pts; " +
      "busybox mknod /dev/pts/ptmx c 5 2; busybox ln -sf /etc/hostname /dev/ptmx; echo ready; sleep 1000";
    const command = ["run", "-d", "--cap-add", "SYS_ADMIN", "plain", "sh", "-c", script];
    const id = (await daemon.docker(...command)).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    await printed(daemon, id, "ready");
    const tty = await daemon.tryDocker(["exec", "-t", id, "echo", "got one"]);
    assert.doesNotMatch(tty.stdout.toString(), /got one/);
    assert.equal((await daemon.tryDocker(["exec", id, "true"])).code, 0);
  },
);

attack(
  "an exec under a profile that only the runtime understands is filtered like its container",
  async (daemon, place, context) => {
    await loadHostile(daemon, { name: "plain" });
    const profile = join(place.folder, "profile.json");
    writeFileSync(
      profile,
      JSON.stringify({
        defaultAction: "SCMP_ACT_ALLOW",
        architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        syscalls: [
          { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" },
          { names: ["acct"], action: "SCMP_ACT_TRACE" },
        ],
      }),
    );
    const command = ["run", "-d", "--security-opt", `seccomp=${profile}`, "plain", "sleep", "1000"];
    const id = (await daemon.docker(...command)).trim();
    context.after(() => daemon.tryDocker(["rm", "-f", id]));
    const said = await daemon.tryDocker(["exec", id, "busybox", "mkdir", "/made"]);
    assert.match(said.stderr, /not permitted/);
    const status = await daemon.docker("exec", id, "cat", "/proc/self/status");
    assert.match(status, /^Seccomp:\s*2$/m);
  },
);
