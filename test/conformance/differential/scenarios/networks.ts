import { filters, idle, type Scenario } from "../scenario.ts";

const subnet = { Driver: "default", Config: [{ Subnet: "10.77.0.0/16", Gateway: "10.77.0.1" }] };

export const networkScenarios: readonly Scenario[] = [
  {
    name: "networks",
    quick: true,
    steps: [
      { request: "GET /networks", unordered: true },
      { request: "GET /networks/bridge" },
      { request: "GET /networks/host" },
      { request: "GET /networks/none" },
      { request: "GET /networks/absent" },
      {
        request: "POST /networks/create",
        body: { Name: "n1", Labels: { a: "b" }, IPAM: subnet },
        capture: { n1: "Id" },
      },
      { request: "GET /networks/n1" },
      { request: "GET /networks/{{n1}}" },
      { request: "GET /networks/n1?verbose=1" },
      { request: "GET /networks/n1?scope=swarm" },
      { request: "GET /networks/n1?verbose=x" },
      { request: "POST /networks/create", body: { Name: "n1" } },
      { request: "POST /networks/create", body: { Name: "n1", CheckDuplicate: true } },
      { request: "POST /networks/create", body: { Name: "n2", IPAM: subnet } },
      { request: "POST /networks/create", body: {} },
      { request: "POST /networks/create", body: "{" },
      { request: "POST /networks/create", body: { Name: "" } },
      { request: "POST /networks/create", body: { Name: "host" } },
      { request: "POST /networks/create", body: { Name: "bridge" } },
      { request: "POST /networks/create", body: { Name: "default" } },
      { request: "POST /networks/create", body: { Name: "bad/name" } },
      { request: "POST /networks/create", body: { Name: "n2", Driver: "host" } },
      { request: "POST /networks/create", body: { Name: "n2", Driver: "null" } },
      { request: "POST /networks/create", body: { Name: "n2", Scope: "swarm" } },
      { request: "POST /networks/create", body: { Name: "n2", Driver: "overlay" } },
      {
        request: "POST /networks/create",
        body: { Name: "n2", IPAM: { Config: [{ Subnet: "nonsense" }] } },
      },
      {
        request: "POST /networks/create",
        body: { Name: "n2", IPAM: { Config: [{ Subnet: "10.78.0.0/16", Gateway: "10.99.0.1" }] } },
      },
      {
        request: "POST /networks/create",
        body: {
          Name: "n2",
          IPAM: { Config: [{ Subnet: "10.78.0.0/16", IPRange: "10.99.0.0/24" }] },
        },
      },
      {
        request: "POST /networks/create",
        body: { Name: "n2", IPAM: { Config: [{ Gateway: "10.78.0.1" }] } },
      },
      {
        request: "POST /networks/create",
        body: {
          Name: "full",
          Internal: true,
          Attachable: true,
          EnableIPv6: false,
          Options: {
            "com.docker.network.bridge.enable_icc": "false",
            "com.docker.network.driver.mtu": "1400",
          },
          IPAM: {
            Config: [
              {
                Subnet: "10.79.0.0/16",
                IPRange: "10.79.5.0/24",
                Gateway: "10.79.5.254",
                AuxiliaryAddresses: { router: "10.79.5.1" },
              },
            ],
            Options: { foo: "bar" },
          },
        },
        capture: { full: "Id" },
      },
      { request: "GET /networks/full" },
      {
        request: "POST /networks/create",
        body: { Name: "n3", Options: { "com.docker.network.bridge.enable_icc": "nonsense" } },
      },
      ...[
        { name: ["n1"] },
        { name: ["n"] },
        { id: ["{{n1}}"] },
        { driver: ["bridge"] },
        { label: ["a=b"] },
        { type: ["custom"] },
        { type: ["builtin"] },
        { type: ["x"] },
        { scope: ["local"] },
        { dangling: ["true"] },
        { dangling: ["x"] },
        { nonsense: ["x"] },
      ].map((filter) => ({
        request: `GET /networks?${filters(filter)}`,
        unordered: true as const,
      })),
      { request: "DELETE /networks/bridge" },
      { request: "DELETE /networks/absent" },
      { request: `POST /networks/prune?${filters({ nonsense: ["x"] })}` },
      { request: `POST /networks/prune?${filters({ label: ["a"] })}` },
      { request: "POST /networks/prune" },
      { request: "GET /networks", unordered: true },
      { request: "GET /events?since={{start}}&until={{now}}", read: "lines" },
    ],
  },
  {
    name: "connect and disconnect",
    quick: true,
    versions: "some",
    steps: [
      {
        request: "POST /networks/create",
        body: { Name: "n1", IPAM: subnet },
        capture: { n1: "Id" },
      },
      { request: "POST /networks/create", body: { Name: "n2" }, capture: { n2: "Id" } },
      {
        request: "POST /containers/create?name=web",
        body: idle({
          HostConfig: { NetworkMode: "n1" },
          NetworkingConfig: {
            EndpointsConfig: { n1: { Aliases: ["www"], IPAMConfig: { IPv4Address: "10.77.0.9" } } },
          },
        }),
        capture: { id: "Id" },
      },
      { request: "GET /containers/web/json" },
      {
        request: "POST /networks/n2/connect",
        body: { Container: "web", EndpointConfig: { Aliases: ["second"] } },
      },
      { request: "GET /containers/web/json" },
      { request: "POST /networks/n2/connect", body: { Container: "web" } },
      { request: "POST /networks/n2/disconnect", body: { Container: "web" } },
      { request: "POST /networks/n2/disconnect", body: { Container: "web" } },
      { request: "POST /containers/web/start" },
      { request: "GET /containers/web/json" },
      { request: "GET /networks/n1" },
      { request: "GET /containers/json" },
      {
        request: "POST /networks/n2/connect",
        body: { Container: "web", EndpointConfig: { Aliases: ["second"], IPAMConfig: null } },
      },
      { request: "POST /networks/n2/connect", body: { Container: "web" } },
      { request: "GET /containers/web/json" },
      { request: "GET /networks/n2" },
      { request: "DELETE /networks/n1" },
      { request: "DELETE /networks/n2" },
      { request: "POST /networks/n2/disconnect", body: { Container: "web" } },
      { request: "POST /networks/n2/disconnect", body: { Container: "web" } },
      { request: "POST /networks/n2/disconnect", body: { Container: "web", Force: true } },
      { request: "POST /networks/n2/disconnect", body: { Container: "absent" } },
      { request: "POST /networks/absent/connect", body: { Container: "web" } },
      { request: "POST /networks/n2/connect", body: { Container: "absent" } },
      { request: "POST /networks/n2/connect", body: {} },
      { request: "POST /networks/n2/connect", body: "{" },
      { request: "POST /networks/host/connect", body: { Container: "web" } },
      { request: "POST /networks/none/connect", body: { Container: "web" } },
      {
        request: "POST /networks/n2/connect",
        body: { Container: "web", EndpointConfig: { IPAMConfig: { IPv4Address: "10.200.0.9" } } },
      },
      {
        request: "POST /networks/n2/connect",
        body: { Container: "web", EndpointConfig: { IPAMConfig: { IPv4Address: "nonsense" } } },
      },
      {
        request: "POST /containers/create?name=clash",
        body: idle({
          HostConfig: { NetworkMode: "n1" },
          NetworkingConfig: {
            EndpointsConfig: { n1: { IPAMConfig: { IPv4Address: "10.77.0.9" } } },
          },
        }),
      },
      { request: "POST /containers/clash/start" },
      { request: "POST /networks/bridge/disconnect", body: { Container: "web" } },
      { request: "POST /containers/web/stop?t=1" },
      { request: "GET /networks/n1" },
      { request: "DELETE /networks/n1" },
      { request: "GET /containers/web/json" },
      { request: "POST /containers/web/start" },
      { request: "GET /events?since={{start}}&until={{now}}", read: "lines" },
    ],
  },
  {
    name: "network modes and ports",
    quick: true,
    steps: [
      {
        request: "POST /containers/create?name=host",
        body: idle({ HostConfig: { NetworkMode: "host" } }),
      },
      { request: "POST /containers/host/start" },
      { request: "GET /containers/host/json" },
      {
        request: "POST /containers/create?name=none",
        body: idle({ HostConfig: { NetworkMode: "none" } }),
      },
      { request: "POST /containers/none/start" },
      { request: "GET /containers/none/json" },
      {
        request: "POST /containers/create?name=joined",
        body: idle({ HostConfig: { NetworkMode: "container:none" } }),
      },
      { request: "POST /containers/joined/start" },
      { request: "GET /containers/joined/json" },
      {
        request: "POST /containers/create?name=bad1",
        body: idle({ Hostname: "x", HostConfig: { NetworkMode: "container:none" } }),
      },
      {
        request: "POST /containers/create?name=bad2",
        body: idle({
          HostConfig: {
            NetworkMode: "container:none",
            PortBindings: { "80/tcp": [{ HostPort: "8080" }] },
          },
        }),
      },
      {
        request: "POST /containers/create?name=ports",
        body: idle({
          ExposedPorts: { "80/tcp": {}, "53/udp": {}, "90/tcp": {} },
          HostConfig: {
            PortBindings: {
              "80/tcp": [{ HostPort: "18080" }],
              "53/udp": [{ HostIp: "127.0.0.1", HostPort: "" }],
            },
          },
        }),
        capture: { id: "Id" },
      },
      { request: "GET /containers/ports/json" },
      { request: "POST /containers/ports/start" },
      { request: "GET /containers/ports/json" },
      { request: "GET /containers/json" },
      {
        request: "POST /containers/create?name=clash",
        body: idle({
          ExposedPorts: { "80/tcp": {} },
          HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "18080" }] } },
        }),
        capture: { clash: "Id" },
      },
      { request: "POST /containers/clash/start" },
      { request: "GET /containers/clash/json" },
    ],
  },
];
