import assert from "node:assert/strict";
import { test } from "node:test";
import { createBody, createFlags } from "../../src/cli/container/create-body.ts";
import { parseMount } from "../../src/cli/container/mount-option.ts";
import { publishedPorts } from "../../src/cli/container/publish-option.ts";
import { parseLine } from "../../src/cli/flags.ts";
import { processTerminal } from "../../src/cli/terminal/terminal.ts";

function bodyOf(line: string) {
  const { flags, positionals } = parseLine(createFlags, line.split(" "), true);
  return createBody(flags, positionals[0]!, positionals.slice(1), processTerminal());
}

test("a line of run becomes the API's body", () => {
  const body = bodyOf(
    "--isolation vm --name w -e A=1 -l k=v -m 64m --cpus 1.5 -v /a:/b:ro -v data --tmpfs /run:size=1m -p 8080:80 --restart on-failure:3 --network net --network-alias x --ulimit nofile=10:20 --add-host h:1.2.3.4 image cmd -x",
  );
  assert.equal(body.Image, "image");
  assert.deepEqual(body.Cmd, ["cmd", "-x"]);
  assert.deepEqual(body.Env, ["A=1"]);
  assert.deepEqual(body.Labels, { k: "v" });
  assert.deepEqual(body.ExposedPorts, { "80/tcp": {} });
  assert.deepEqual(body.Volumes, { data: {} });
  const host = body.HostConfig!;
  assert.equal(host.Isolation, "vm");
  assert.deepEqual([host.Memory, host.NanoCpus], [64 << 20, 1.5e9]);
  assert.deepEqual(host.Binds, ["/a:/b:ro"]);
  assert.deepEqual(host.Tmpfs, { "/run": "size=1m" });
  assert.deepEqual(host.RestartPolicy, { Name: "on-failure", MaximumRetryCount: 3 });
  assert.deepEqual(host.Ulimits, [{ Name: "nofile", Soft: 10, Hard: 20 }]);
  assert.deepEqual(host.ExtraHosts, ["h:1.2.3.4"]);
  assert.equal(host.NetworkMode, "net");
  assert.deepEqual(body.NetworkingConfig, { EndpointsConfig: { net: { Aliases: ["x"] } } });
});

test("what was not asked for is not sent", () => {
  const body = bodyOf("image");
  for (const key of [
    "Cmd",
    "Entrypoint",
    "User",
    "Hostname",
    "StopSignal",
    "Healthcheck",
    "NetworkingConfig",
  ]) {
    assert.equal(key in body, false, key);
  }
  assert.equal("Memory" in body.HostConfig!, false);
});

test("port ranges, addresses and protocols are understood", () => {
  assert.deepEqual(publishedPorts(["127.0.0.1:9000-9001:80-81/udp"], []).bindings, {
    "80/udp": [{ HostIp: "127.0.0.1", HostPort: "9000" }],
    "81/udp": [{ HostIp: "127.0.0.1", HostPort: "9001" }],
  });
  assert.deepEqual(publishedPorts(["[::1]:80:80", "443"], ["5000-5001"]).exposed, {
    "80/tcp": {},
    "443/tcp": {},
    "5000/tcp": {},
    "5001/tcp": {},
  });
  assert.deepEqual(publishedPorts(["8000-8010:80"], []).bindings, {
    "80/tcp": [{ HostIp: "", HostPort: "8000-8010" }],
  });
  for (const bad of ["x", "1-2:3-5", "70000", "1:2:3:4", "80/icmp", "::1:80:80"]) {
    assert.throws(() => publishedPorts([bad], []), { code: "BAD_PORT" }, bad);
  }
});

test("mount words are taken apart as CSV, and unknown keys are refused", () => {
  assert.deepEqual(
    parseMount('type=bind,"source=/a,b",target=/c,readonly,bind-propagation=rslave'),
    {
      Type: "bind",
      Source: "/a,b",
      Target: "/c",
      ReadOnly: true,
      BindOptions: { Propagation: "rslave" },
    },
  );
  assert.deepEqual(parseMount("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777"), {
    Type: "tmpfs",
    Target: "/t",
    TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o1777 },
  });
  for (const bad of ["type=bind", "target=/x,sauce=/y", "type=bind,target=/x,tmpfs-size=1m"]) {
    assert.throws(() => parseMount(bad), { code: "BAD_MOUNT" }, bad);
  }
});
