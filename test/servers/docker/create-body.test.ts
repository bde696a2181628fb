import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerSpec } from "../../../src/domain/container.ts";
import { readShape } from "../../../src/servers/docker/read-shape.ts";
import { containerCreateBody } from "../../../src/spec/docker/bodies.ts";
import { containerSpecOf } from "../../../src/servers/docker/containers/spec/spec.ts";

function specOf(host: object, more: object = {}): ContainerSpec {
  return containerSpecOf(readShape(containerCreateBody, { Image: "x", HostConfig: host, ...more }))
    .spec;
}

function refuses(host: object, errorClass: string, message: RegExp, more: object = {}): void {
  assert.throws(() => specOf(host, more), { class: errorClass, message });
}

test("the isolation comes from either of the two fields that clients have", () => {
  assert.equal(specOf({}).isolation, "container");
  assert.equal(specOf({ Isolation: "default", Runtime: "runc" }).isolation, "container");
  assert.equal(specOf({ Isolation: "vm" }).isolation, "vm");
  assert.equal(specOf({ Runtime: "vm" }).isolation, "vm");
  refuses({ Isolation: "hyperv" }, "invalid", /invalid isolation/);
  refuses({ Isolation: "vm", Runtime: "runc" }, "invalid", /conflicting options/);
  refuses({ Runtime: "gvisor" }, "invalid", /unknown or invalid runtime name/);
});

test("keys match without case, unknown keys and nulls are ignored, as Go does", () => {
  const body = readShape(containerCreateBody, {
    image: "x",
    cmd: null,
    HOSTCONFIG: { memory: 7e6 },
    Wonder: { a: 1 },
  });
  assert.equal(body.Image, "x");
  assert.equal(body.Cmd, undefined);
  assert.equal(body.HostConfig?.Memory, 7_000_000);
  assert.equal("Wonder" in body, false);
});

test("a command and an entrypoint may be one string", () => {
  const { process } = specOf({}, { Cmd: "ls", Entrypoint: ["sh", "-c"] });
  assert.deepEqual([process.entrypoint, process.command], [["sh", "-c"], ["ls"]]);
});

test("binds, mounts, tmpfs and volumes become mounts, and a plain volume gives way", () => {
  const { mounts } = specOf(
    {
      Binds: ["/host:/a:ro,rslave", "vol:/b:nocopy"],
      Mounts: [
        { Type: "tmpfs", Target: "/c", TmpfsOptions: { SizeBytes: 1024, Mode: 0o700 } },
        {
          Type: "volume",
          Source: "named",
          Target: "/d",
          VolumeOptions: { Subpath: "in", NoCopy: true },
        },
      ],
      Tmpfs: { "/e": "rw,size=64m,noexec" },
    },
    { Volumes: { "/a": {}, "/f": {} } },
  );
  const shown = mounts.map((mount) => `${mount.kind} ${mount.source}>${mount.target}`);
  assert.deepEqual(shown, [
    "bind /host>/a",
    "volume vol>/b",
    "tmpfs >/c",
    "volume named>/d",
    "tmpfs >/e",
    "volume >/f",
  ]);
  assert.deepEqual(
    [mounts[0]!.readonly, mounts[0]!.propagation, mounts[0]!.createSource],
    [true, "rslave", true],
  );
  assert.deepEqual([mounts[1]!.copyUp, mounts[3]!.volumeSubpath], [false, "in"]);
  assert.deepEqual([mounts[2]!.tmpfsSize, mounts[2]!.tmpfsMode], [1024, 0o700]);
  assert.deepEqual(mounts[4]!.tmpfsOptions, ["rw", "size=64m", "noexec"]);
});

test("mounts that make no sense are refused in Docker's words", () => {
  refuses({ Binds: ["a:b:c:d"] }, "invalid", /invalid volume specification/);
  refuses({ Binds: ["/x:relative"] }, "invalid", /must be absolute/);
  refuses({ Binds: ["/x:/"] }, "invalid", /destination can't be '\/'/);
  refuses({ Binds: ["/x:/y:wrong"] }, "invalid", /invalid mode/);
  refuses({ Binds: ["/x:/y:ro,rw"] }, "invalid", /invalid mode: ro,rw/);
  refuses({ Binds: ["vol:/y:rslave"] }, "invalid", /BindOptions must not be specified/);
  refuses({ Tmpfs: { "/x": "upperdir=/etc" } }, "invalid", /Invalid tmpfs option/);
  refuses({ Mounts: [{ Type: "image", Target: "/x" }] }, "invalid", /Source must not be empty/);
  refuses({ Mounts: [{ Type: "bind", Source: "x", Target: "/x" }] }, "invalid", /must be absolute/);
  const deep = { Type: "bind", Source: "/x", Target: "/x" };
  const recursive = { ReadOnlyForceRecursive: true };
  const [mount] = specOf({ Mounts: [{ ...deep, ReadOnly: true, BindOptions: recursive }] }).mounts;
  assert.equal(mount?.readonlyDepth, "all");
  refuses({ Mounts: [{ ...deep, BindOptions: recursive }] }, "invalid", /options conflict/);
  const noField = { Type: "volume", Target: "/x", VolumeOptions: { Subpath: "a" } };
  refuses({ Mounts: [noField] }, "invalid", /must not set Subpath/);
});

test("ports, ranges and addresses are read", () => {
  const { network } = specOf(
    {
      PortBindings: {
        "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }, { HostPort: "" }],
        "53/udp": [{ HostPort: "5000-5010" }],
        "90-91": [{ HostPort: "9000-9001" }],
      },
    },
    { ExposedPorts: { "443/tcp": {} } },
  );
  assert.deepEqual(network.exposedPorts, ["443/tcp"]);
  const shown = network.ports.map(
    (port) =>
      `${port.hostAddress}:${port.hostPort}-${port.hostPortEnd}>${port.containerPort}/${port.protocol}`,
  );
  assert.deepEqual(shown, [
    "127.0.0.1:8080-8080>80/tcp",
    ":0-0>80/tcp",
    ":5000-5010>53/udp",
    ":9000-9000>90/tcp",
    ":9001-9001>91/tcp",
  ]);
  refuses({ PortBindings: { "0/tcp": [{}] } }, "invalid", /invalid port/);
  refuses({ PortBindings: { "80/icmp": [{}] } }, "invalid", /invalid port/);
  refuses({ PortBindings: { "80/tcp": [{ HostPort: "99999" }] } }, "invalid", /invalid port/);
  refuses({ PortBindings: { "80/tcp": [{ HostIp: "here" }] } }, "invalid", /invalid IP/);
});

test("security options are parsed, and unknown ones refused", () => {
  const { security } = specOf({
    SecurityOpt: [
      "no-new-privileges:true",
      "seccomp=unconfined",
      "apparmor=p",
      "label=disable",
      "systempaths=unconfined",
    ],
    CapAdd: ["CAP_NET_ADMIN", "sys_time"],
    CapDrop: ["all"],
  });
  assert.equal(security.noNewPrivileges, true);
  assert.deepEqual(
    [security.seccomp, security.apparmor, security.selinuxLabels],
    ["unconfined", "p", ["disable"]],
  );
  assert.deepEqual([security.maskedPaths, security.readonlyPaths], [[], []]);
  assert.deepEqual([security.capAdd, security.capDrop], [["NET_ADMIN", "SYS_TIME"], ["ALL"]]);
  assert.equal(
    specOf({ SecurityOpt: ["no-new-privileges=false"] }).security.noNewPrivileges,
    false,
  );
  refuses({ SecurityOpt: ["no-new-privilege"] }, "invalid", /invalid --security-opt/);
  refuses({ SecurityOpt: ["seccomp=[]"] }, "invalid", /seccomp/);
  refuses({ CapAdd: ["CAP_WISH"] }, "invalid", /unknown capability/);
  refuses({ PidMode: "container:" }, "invalid", /invalid PID mode/);
  refuses({ UsernsMode: "mine" }, "invalid", /invalid user namespace mode/);
});

test("limits are read, and what Duet cannot hold to is refused rather than dropped", () => {
  const { resources } = specOf({
    Memory: 64 << 20,
    NanoCpus: 5e8,
    PidsLimit: 0,
    MemorySwappiness: -1,
  });
  assert.deepEqual(
    [resources.memory, resources.nanoCpus, resources.pids, resources.memorySwappiness],
    [64 << 20, 5e8, null, null],
  );
  assert.equal(specOf({ PidsLimit: -1 }).resources.pids, -1);
  const rates = specOf({
    BlkioDeviceReadBps: [{ Path: "/dev/sda", Rate: 1 }],
    BlkioWeightDevice: [{ Path: "/dev/sdb", Weight: 20 }],
  });
  assert.deepEqual(rates.resources.blockDevices, [
    { kind: "weight", path: "/dev/sdb", value: 20 },
    { kind: "readBytes", path: "/dev/sda", value: 1 },
  ]);
  assert.equal(specOf({ CpuRealtimeRuntime: 5 }).resources.cpuRealtimeRuntime, 5);
  const gpu = specOf({ DeviceRequests: [{ Count: -1, Capabilities: [["gpu"]] }] });
  assert.deepEqual(gpu.security.deviceRequests, [{ driver: "", ids: [], capabilities: [["gpu"]] }]);
  refuses({ CpusetCpus: "0-4294967295" }, "invalid", /maximum is 8192/);
  refuses({ CpuShares: -1 }, "invalid", /positive integer/);
  refuses({ BlkioWeight: 70_000 }, "invalid", /uint16/);
  refuses({ StorageOpt: { size: "1G" } }, "unsupported", /storage-opt/);
  assert.equal(specOf({ StorageOpt: { size: "1.5G" }, Isolation: "vm" }).diskSize, 1.5 * 2 ** 30);
  refuses({ StorageOpt: { size: "much" }, Isolation: "vm" }, "invalid", /invalid size: 'much'/);
  refuses({ Ulimits: [{ Name: "nofile", Soft: 5, Hard: 4 }] }, "invalid", /soft limit/);
  refuses({ Ulimits: [{ Name: "wishes", Soft: 5, Hard: 5 }] }, "invalid", /ulimit type/);
});

test("restart policies and health checks are checked", () => {
  assert.deepEqual(
    specOf({ RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } }).lifecycle.restart,
    {
      name: "on-failure",
      maximumRetries: 3,
    },
  );
  refuses(
    { RestartPolicy: { Name: "always", MaximumRetryCount: 3 } },
    "invalid",
    /maximum retry count/,
  );
  refuses({ RestartPolicy: { Name: "sometimes" } }, "invalid", /unknown policy/);
  refuses({ RestartPolicy: { Name: "on-failure", MaximumRetryCount: -1 } }, "invalid", /negative/);
  refuses({}, "invalid", /Retries in Healthcheck/, { Healthcheck: { Retries: -1 } });
  for (const name of ["Interval", "Timeout", "StartPeriod", "StartInterval"]) {
    refuses({}, "invalid", new RegExp(`${name} in Healthcheck cannot be less than 1ms`), {
      Healthcheck: { Test: ["CMD", "x"], [name]: 5 },
    });
  }
});

test("endpoints are read from NetworkingConfig, and the default one is the bridge", () => {
  const { network } = specOf(
    { NetworkMode: "default" },
    {
      NetworkingConfig: {
        EndpointsConfig: {
          default: { Aliases: ["a"], IPAMConfig: { IPv4Address: "10.0.0.5" } },
          other: null,
        },
      },
    },
  );
  assert.equal(network.mode, "default");
  assert.deepEqual(Object.keys(network.endpoints), ["bridge", "other"]);
  assert.equal(network.endpoints["bridge"]?.ipv4, "10.0.0.5");
});

test("names that end up in files of the container are checked", () => {
  refuses({}, "invalid", /hostname/, { Hostname: "a\nb" });
  refuses({ ExtraHosts: ["a\n:1.2.3.4"] }, "invalid", /add-host/);
  refuses({ ExtraHosts: ["a"] }, "invalid", /add-host/);
  refuses({ Dns: ["here"] }, "invalid", /DNS server/);
  assert.deepEqual(specOf({ ExtraHosts: ["h:host-gateway", "g=[::1]"] }).network.extraHosts, [
    "h:host-gateway",
    "g:::1",
  ]);
});

test("options that deny each other are refused in Docker's words", () => {
  refuses({ UTSMode: "host" }, "invalid", /hostname and the UTS mode/, { Hostname: "x" });
  refuses({ NetworkMode: "host", Links: ["a:b"] }, "invalid", /host type networking/);
  refuses({ NetworkMode: "container:" }, "invalid", /invalid container format/);
  const joined = { NetworkMode: "container:x" };
  refuses(joined, "invalid", /hostname and the network mode/, { Hostname: "x" });
  refuses({ ...joined, Dns: ["1.1.1.1"] }, "invalid", /dns and the network mode/);
  refuses({ ...joined, Links: ["a:b"] }, "invalid", /container type network/);
  refuses({ ...joined, ExtraHosts: ["a:1.1.1.1"] }, "invalid", /host-to-IP mapping/);
  refuses({ ...joined, PublishAllPorts: true }, "invalid", /port publishing/);
  refuses(joined, "invalid", /port exposing/, { ExposedPorts: { "80/tcp": {} } });
  refuses({ Annotations: { "": "x" } }, "invalid", /annotation key/);
});
