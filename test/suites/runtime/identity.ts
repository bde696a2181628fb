import assert from "node:assert/strict";
import { test } from "node:test";
import { deadline } from "./harness.ts";
import type { Wanted } from "./harness.ts";
import type { Bench } from "./suite.ts";

export function identityTests(bench: Bench): void {
  async function printed(wanted: Wanted): Promise<string> {
    await using work = bench();
    const { workload, output } = await work.run(wanted);
    await workload.wait(deadline());
    await output.ended;
    return output.stdout + output.stderr;
  }

  test("the program has its environment, directory, user and host name", async () => {
    const text = await printed({
      argv: [
        ...["sh", "-c"],
        "echo $MINE; pwd; id -u; id -g; sed -n 's/^Groups:.//p' /proc/self/status; hostname; cat /etc/hostname",
      ],
      process: {
        env: ["PATH=/bin", "MINE=a b"],
        workingDirectory: "/tmp",
        user: "1000:1001",
        groups: ["1002"],
      },
    });
    assert.deepEqual(text.trim().split("\n"), [
      "a b",
      "/tmp",
      "1000",
      "1001",
      "1001 1002 ",
      "workload",
      "workload",
    ]);
  });

  test("a missing working directory is made", async () => {
    assert.equal(
      await printed({ argv: ["pwd"], process: { workingDirectory: "/srv/deep" } }),
      "/srv/deep\n",
    );
  });

  test("the program is alone in its process tree, and PID 1", async () => {
    const text = await printed({ argv: ["sh", "-c", "echo $$; cd /proc; echo [0-9]*"] });
    assert.match(text, /^1\n1\n$/);
  });

  test("a read-only root refuses writes, a tmpfs on it takes them", async () => {
    const text = await printed({
      argv: [
        "sh",
        "-c",
        "touch /file 2>/dev/null || echo refused; touch /scratch/file && echo taken",
      ],
      spec: {
        readonlyRoot: true,
        mounts: [
          {
            kind: "tmpfs",
            source: "",
            target: "/scratch",
            readonly: false,
            propagation: "",
            nonRecursive: false,
            options: ["size=65536"],
          },
        ],
      },
    });
    assert.equal(text, "refused\ntaken\n");
  });

  test("default capabilities are Docker's, and none for another user", async () => {
    const show = ["sh", "-c", "grep -E 'Cap(Inh|Eff|Bnd|Amb)' /proc/self/status"];
    const root = await printed({ argv: show });
    assert.match(
      root,
      /CapInh:\s+0000000000000000\nCapEff:\s+00000000a80425fb\nCapBnd:\s+00000000a80425fb/,
    );
    const other = await printed({ argv: show, process: { user: "1000" } });
    assert.match(other, /CapEff:\s+0000000000000000\nCapBnd:\s+00000000a80425fb/);
  });

  test("masked paths cannot be read, read-only ones not written", async () => {
    const text = await printed({
      argv: [
        "sh",
        "-c",
        "cat /proc/kcore 2>/dev/null | head -c 1 | wc -c; echo x 2>/dev/null >/proc/sys/kernel/domainname || echo refused",
      ],
    });
    assert.equal(text, "0\nrefused\n");
  });

  test("the network of kind none has loopback only", async () => {
    const text = await printed({
      argv: ["sh", "-c", "ip -o link | wc -l; ip -o addr show lo | grep -c 127.0.0.1"],
    });
    assert.equal(text, "1\n1\n");
  });
}
