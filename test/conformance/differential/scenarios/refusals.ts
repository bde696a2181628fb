import type { Scenario } from "../scenario.ts";

/** Requests to create and start containers that cannot be met. */
export const refusalScenarios: readonly Scenario[] = [
  {
    name: "creates that are refused",
    quick: true,
    steps: [
      { request: "POST /containers/create", body: "{" },
      { request: "POST /containers/create", body: "" },
      { request: "POST /containers/create", body: "null" },
      { request: "POST /containers/create", body: "[]" },
      { request: "POST /containers/create", body: "x", headers: { "Content-Type": "text/plain" } },
      { request: "POST /containers/create" },
      { request: "POST /containers/create", body: {} },
      { request: "POST /containers/create", body: { Image: "" } },
      { request: "POST /containers/create", body: { Image: "absent" } },
      { request: "POST /containers/create", body: { Image: "absent:1.0" } },
      { request: "POST /containers/create", body: { Image: "UPPER" } },
      { request: "POST /containers/create", body: { Image: "busybox@sha256:12" } },
      { request: "POST /containers/create", body: { Image: 5 } },
      { request: "POST /containers/create", body: { Image: "busybox", Cmd: "echo hi there" } },
      { request: "POST /containers/create", body: { Image: "busybox", Cmd: 3 } },
      { request: "POST /containers/create", body: { Image: "busybox", Env: ["=x"] } },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Memory: 1000 } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Memory: "1g" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { NetworkMode: "absent" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { NetworkMode: "container:absent" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { RestartPolicy: { Name: "sometimes" } } },
      },
      {
        request: "POST /containers/create",
        body: {
          Image: "busybox",
          HostConfig: { AutoRemove: true, RestartPolicy: { Name: "always" } },
        },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Binds: ["relative:/x"] } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Binds: ["/tmp"] } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Binds: ["/tmp:/x:zz"] } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Binds: ["/tmp:x"] } },
      },
      {
        request: "POST /containers/create",
        body: {
          Image: "busybox",
          HostConfig: { Mounts: [{ Type: "bind", Source: "/absent-on-host", Target: "/x" }] },
        },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Mounts: [{ Type: "nonsense", Target: "/x" }] } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Mounts: [{ Type: "volume" }] } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "x" }] } } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { PortBindings: { "99999/tcp": [{}] } } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", ExposedPorts: { "80/abc": {} } },
      },
      {
        request: "POST /containers/create",
        body: {
          Image: "busybox",
          HostConfig: { LogConfig: { Type: "json-file", Config: { nonsense: "1" } } },
        },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { CpuShares: -1 } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { NanoCpus: 1_000_000_000_000 } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { CpusetCpus: "0-999" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { ShmSize: -1 } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { OomScoreAdj: 2000 } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Isolation: "nonsense" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Runtime: "nonsense" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { IpcMode: "nonsense" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { PidMode: "nonsense" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { UTSMode: "nonsense" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { UsernsMode: "nonsense" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { CgroupnsMode: "nonsense" } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { CapAdd: ["NONSENSE"] } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { SecurityOpt: ["nonsense"] } },
      },
      { request: "POST /containers/create", body: { Image: "busybox", StopSignal: "NONSENSE" } },
      { request: "POST /containers/create", body: { Image: "busybox", WorkingDir: "relative" } },
      { request: "POST /containers/create", body: { Image: "busybox", Hostname: "not a name" } },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", Healthcheck: { Test: ["NONSENSE"] } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", Healthcheck: { Test: ["CMD", "true"], Interval: 5 } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { VolumesFrom: ["absent"] } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { Links: ["absent:x"] } },
      },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", NetworkingConfig: { EndpointsConfig: { absent: {} } } },
      },
      { request: "POST /containers/create?name=a", body: { Image: "busybox" } },
      { request: "POST /containers/create?name=bad/name", body: { Image: "busybox" } },
      { request: "POST /containers/create?name=-bad", body: { Image: "busybox" } },
      {
        request: "POST /containers/create?name=taken",
        body: { Image: "busybox" },
        capture: { id: "Id" },
      },
      { request: "POST /containers/create?name=taken", body: { Image: "busybox" } },
      { request: "POST /containers/create?name=/taken", body: { Image: "busybox" } },
      { request: "POST /containers/create?platform=windows/amd64", body: { Image: "busybox" } },
      { request: "POST /containers/create?platform=nonsense/x/y/z", body: { Image: "busybox" } },
    ],
  },
  {
    name: "starts that fail",
    quick: true,
    steps: [
      { request: "POST /containers/create?name=f1", body: { Image: "busybox", Cmd: ["/absent"] } },
      { request: "POST /containers/f1/start" },
      { request: "GET /containers/f1/json" },
      {
        request: "POST /containers/create?name=f2",
        body: { Image: "busybox", Cmd: ["absent-program"] },
      },
      { request: "POST /containers/f2/start" },
      {
        request: "POST /containers/create?name=f3",
        body: { Image: "busybox", Cmd: ["/etc/passwd"] },
      },
      { request: "POST /containers/f3/start" },
      { request: "GET /containers/f3/json" },
      {
        request: "POST /containers/create?name=f4",
        body: { Image: "busybox", Cmd: ["true"], User: "nobody-here" },
      },
      { request: "POST /containers/f4/start" },
      {
        request: "POST /containers/create?name=f5",
        body: { Image: "busybox", Cmd: ["true"], WorkingDir: "/etc/passwd" },
      },
      { request: "POST /containers/f5/start" },
      {
        request: "POST /containers/create?name=f6",
        body: { Image: "busybox", Cmd: ["true"], HostConfig: { Binds: ["/etc/hostname:/etc"] } },
      },
      { request: "POST /containers/f6/start" },
      { request: "POST /containers/create?name=f7", body: { Image: "hello-world", Cmd: ["sh"] } },
      { request: "POST /containers/f7/start" },
      { request: "GET /events?since={{start}}&until={{now}}", read: "lines" },
    ],
  },
];
