import { idle, shell, type Scenario } from "../scenario.ts";

/** All that a version of the API changes in answers, in one scenario that is played in each of them. */
export const versionScenarios: readonly Scenario[] = [
  {
    name: "what versions of the API change",
    quick: true,
    versions: "each",
    steps: [
      { request: "GET /_ping" },
      { request: "GET /info", read: "keys" },
      { request: "GET /version", read: "keys" },
      {
        request: "POST /containers/create?name=old&platform=linux/amd64",
        body: {
          Image: "busybox",
          Cmd: ["true"],
          Healthcheck: { Test: ["CMD", "true"], StartInterval: 5_000_000_000 },
          MacAddress: "02:42:ac:11:00:77",
          ExposedPorts: { "80/tcp": {} },
          HostConfig: {
            Annotations: { k: "v" },
            Binds: ["kept:/kept"],
            CapAdd: ["NET_ADMIN"],
            ConsoleSize: [10, 20],
            KernelMemory: 64 << 20,
            KernelMemoryTCP: 64 << 20,
            PidsLimit: 50,
            Mounts: [
              {
                Type: "bind",
                Source: "/usr",
                Target: "/bound",
                ReadOnly: true,
                BindOptions: {
                  NonRecursive: false,
                  CreateMountpoint: true,
                  ReadOnlyNonRecursive: true,
                },
              },
              { Type: "tmpfs", Target: "/t", TmpfsOptions: { Options: [["noexec"]] } },
            ],
          },
        },
      },
      { request: "GET /containers/old/json" },
      {
        request: "POST /containers/create?name=plain",
        body: idle({ HostConfig: { PidsLimit: 0 } }),
      },
      { request: "GET /containers/plain/json" },
      { request: "POST /containers/plain/update", body: { PidsLimit: 60 } },
      { request: "GET /containers/json?all=1" },
      { request: "POST /containers/old/wait?condition=nonsense" },
      {
        request: "POST /containers/create?name=mounted",
        body: idle({
          HostConfig: {
            Mounts: [
              { Type: "volume", Source: "sub", Target: "/s", VolumeOptions: { Subpath: "x" } },
              { Type: "image", Source: "busybox", Target: "/i" },
            ],
          },
        }),
      },
      {
        request: "POST /containers/create?name=subpath",
        body: idle({
          HostConfig: {
            Mounts: [
              { Type: "volume", Source: "sub", Target: "/s", VolumeOptions: { Subpath: "x" } },
            ],
          },
        }),
      },
      { request: "GET /containers/subpath/json" },
      { request: "POST /networks/create", body: { Name: "dup" } },
      { request: "POST /networks/create", body: { Name: "dup" } },
      { request: "POST /networks/create", body: { Name: "dup", CheckDuplicate: true } },
      { request: "POST /networks/create", body: { Name: "no4", EnableIPv4: false } },
      { request: "GET /networks/dup" },
      {
        request: "POST /containers/create?name=both",
        body: idle({
          HostConfig: { NetworkMode: "bridge" },
          NetworkingConfig: {
            EndpointsConfig: { bridge: {}, dup: { MacAddress: "02:42:ac:11:00:78" } },
          },
        }),
      },
      { request: "GET /containers/both/json" },
      { request: "GET /images/json?shared-size=1&manifests=1", unordered: true },
      { request: "GET /images/json?filter=hello-world", unordered: true },
      { request: "GET /images/busybox/json?manifests=1" },
      { request: "GET /images/busybox/json?platform=nonsense" },
      { request: "GET /images/busybox/history?platform=nonsense" },
      { request: "POST /images/create?fromImage=127.0.0.1:1/x&platform=nonsense/x/y/z" },
      { request: "POST /volumes/create", body: { Name: "kept" } },
      { request: "GET /system/df" },
      { request: "GET /system/df?type=volume" },
      { request: "GET /plugins" },
      { request: "GET /containers/old/logs?stdout=1", read: "frames" },
      { request: "GET /containers/plain/stats?stream=0&one-shot=1", read: "keys" },
      { request: "POST /containers/plain/start" },
      { request: "GET /containers/plain/stats?stream=0&one-shot=1", read: "keys" },
      {
        request: "POST /containers/plain/exec",
        body: {
          Cmd: ["sh", "-c", "pwd; echo $A; stty size"],
          Env: ["A=1"],
          WorkingDir: "/etc",
          AttachStdout: true,
          ConsoleSize: [30, 70],
          Tty: true,
        },
        capture: { exec: "Id" },
      },
      { request: "GET /exec/{{exec}}/json" },
      { request: "POST /exec/{{exec}}/start", body: { Tty: true }, input: "", read: "text" },
      { request: "POST /containers/plain/stop?t=5&signal=nonsense" },
      { request: "POST /containers/plain/kill" },
      { request: "POST /containers/plain/wait" },
      { request: "POST /containers/plain/kill" },
      { request: "DELETE /images/busybox?platforms=nonsense" },
      { request: "POST /build/prune?reserved-space=x&keep-storage=x" },
      { request: "POST /volumes/prune" },
      {
        request: "POST /containers/create?name=word",
        body: shell("true", { Volumes: { "/v": {} } }),
      },
      { request: "GET /containers/word/json" },
      { request: "GET /events?since={{start}}&until={{now}}", read: "lines" },
    ],
  },
];
