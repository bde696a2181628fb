import { filters, idle, type Scenario, type Step } from "../scenario.ts";

const create = (body: Readonly<Record<string, unknown>>): Step => ({
  request: "POST /networks/create",
  body,
});
const config = (Config: readonly unknown[], more = {}): Readonly<Record<string, unknown>> => ({
  Name: "n9",
  IPAM: { Config },
  ...more,
});
const options = (Options: Readonly<Record<string, string>>): Step =>
  create({ Name: "n9", Options });

/** Networks with every field, and how containers are connected to them. */
export const endpointScenarios: readonly Scenario[] = [
  {
    name: "networks of every kind",
    quick: true,
    steps: [
      create({ Name: "six", EnableIPv6: true, IPAM: { Config: [{ Subnet: "fd00:77::/64" }] } }),
      { request: "GET /networks/six" },
      create({ Name: "six2", EnableIPv6: true }),
      create({ Name: "no4", EnableIPv4: false }),
      create({ Name: "none4", EnableIPv4: false, EnableIPv6: false }),
      create({
        Name: "two",
        IPAM: { Config: [{ Subnet: "10.81.0.0/16" }, { Subnet: "10.82.0.0/16" }] },
      }),
      create({ Name: "only", ConfigOnly: true, IPAM: { Config: [{ Subnet: "10.83.0.0/16" }] } }),
      { request: "GET /networks/only" },
      create({ Name: "from", ConfigFrom: { Network: "only" } }),
      { request: "GET /networks/from" },
      create({ Name: "from2", ConfigFrom: { Network: "absent" } }),
      { request: "DELETE /networks/only" },
      create({ Name: "ingress", Ingress: true }),
      create({ Name: "labels", Labels: ["x"] }),
      create({ Name: "x", Driver: "bridge", Scope: "local", Attachable: true }),
      create({ Name: "none" }),
      create({ Name: " spaces " }),
      create(config([{ Subnet: "10.84.0.0/16", AuxiliaryAddresses: { a: "10.99.0.1" } }])),
      create(config([{ Subnet: "10.84.0.0/16", AuxiliaryAddresses: { a: "x" } }])),
      create(config([{ Subnet: "10.84.0.5/16" }])),
      create(config([{ Subnet: "10.84.0.0/16", Gateway: "x" }])),
      create(config([{ Subnet: "10.84.0.0/16", IPRange: "x" }])),
      create(config([{ Subnet: "10.84.0.0/33" }])),
      create(config([{ Subnet: "10.84.0.0/32" }])),
      create(config([{ Subnet: "fd00:78::/64" }])),
      create(config([{ Subnet: "127.0.0.0/8" }])),
      create({ Name: "empty", IPAM: { Config: [{}] } }),
      options({ "com.docker.network.driver.mtu": "x" }),
      options({ "com.docker.network.driver.mtu": "-1" }),
      options({ "com.docker.network.bridge.enable_ip_masquerade": "x" }),
      options({ "com.docker.network.bridge.host_binding_ipv4": "x" }),
      options({ "com.docker.network.bridge.gateway_mode_ipv4": "nonsense" }),
      options({ "com.docker.network.bridge.name": "a-name-that-is-too-long-for-linux" }),
      options({ "com.docker.network.bridge.inhibit_ipv4": "x" }),
      options({ nonsense: "x" }),
      { request: "GET /networks/n9" },
      { request: `GET /networks?${filters({ driver: ["nonsense"] })}` },
      { request: `GET /networks?${filters({ scope: ["nonsense"] })}` },
      { request: `GET /networks?${filters({ name: ["^six$"] })}` },
      { request: `GET /networks?${filters({ label: ["x"] })}` },
      { request: `GET /networks?${filters({ dangling: ["false"] })}`, unordered: true },
      { request: `GET /networks?${filters({ type: ["custom", "builtin"] })}`, unordered: true },
      { request: "GET /networks/", unordered: true },
      { request: "POST /networks/prune?filters=nonsense" },
      { request: `POST /networks/prune?${filters({ until: ["x"] })}` },
      { request: `POST /networks/prune?${filters({ until: ["1h"] })}` },
      { request: `POST /networks/prune?${filters({ "label!": ["x"] })}` },
      { request: "GET /events?since={{start}}&until={{now}}", read: "lines" },
    ],
  },
  {
    name: "endpoints with every field",
    quick: true,
    steps: [
      create({ Name: "wide", IPAM: { Config: [{ Subnet: "10.86.0.0/16" }] } }),
      create({ Name: "other", IPAM: { Config: [{ Subnet: "10.87.0.0/16" }] } }),
      {
        request: "POST /containers/create?name=both",
        body: idle({
          HostConfig: { NetworkMode: "wide" },
          NetworkingConfig: {
            EndpointsConfig: {
              wide: {
                IPAMConfig: { IPv4Address: "10.86.0.7", LinkLocalIPs: ["169.254.3.4"] },
                Aliases: ["a", "b"],
                MacAddress: "02:42:0a:56:00:07",
                GwPriority: 5,
              },
            },
          },
        }),
      },
      { request: "GET /containers/both/json" },
      { request: "POST /containers/both/start" },
      { request: "GET /containers/both/json" },
      { request: "GET /networks/wide" },
      {
        request: "POST /containers/create?name=linked",
        body: idle({ HostConfig: { NetworkMode: "wide", Links: ["both:alias"] } }),
      },
      { request: "GET /containers/linked/json" },
      {
        request: "POST /containers/create?name=mac",
        body: idle({ MacAddress: "02:42:0a:56:00:09", HostConfig: { NetworkMode: "wide" } }),
      },
      { request: "GET /containers/mac/json" },
      ...[
        { wide: { IPAMConfig: { IPv4Address: "10.99.0.1" } } },
        { wide: { IPAMConfig: { IPv4Address: "x" } } },
        { wide: { IPAMConfig: { IPv6Address: "x" } } },
        { wide: { IPAMConfig: { LinkLocalIPs: ["x"] } } },
        { wide: { MacAddress: "nonsense" } },
        { wide: { IPAMConfig: { IPv4Address: "fd00::1" } } },
        { bridge: { IPAMConfig: { IPv4Address: "172.17.0.9" } } },
        { bridge: { Aliases: ["x"] } },
      ].map((EndpointsConfig, index) => ({
        request: `POST /containers/create?name=wrong${index}`,
        body: idle({
          HostConfig: { NetworkMode: Object.keys(EndpointsConfig)[0] },
          NetworkingConfig: { EndpointsConfig },
        }),
      })),
      {
        request: "POST /containers/create?name=twice",
        body: idle({
          MacAddress: "02:42:0a:56:00:09",
          HostConfig: { NetworkMode: "wide" },
          NetworkingConfig: { EndpointsConfig: { wide: { MacAddress: "02:42:0a:56:00:08" } } },
        }),
      },
      ...[
        { Container: "mac", EndpointConfig: { MacAddress: "nonsense" } },
        { Container: "mac", EndpointConfig: { Aliases: ["z"], GwPriority: 7 } },
        { Container: "both", EndpointConfig: { Links: ["mac:m"] } },
        { EndpointConfig: {} },
      ].map((body) => ({ request: "POST /networks/other/connect", body })),
      { request: "GET /containers/mac/json" },
      { request: "POST /networks/bridge/connect", body: { Container: "both" } },
      { request: "GET /containers/both/json" },
      {
        request: "POST /networks/bridge/connect",
        body: { Container: "mac", EndpointConfig: { Aliases: ["x"] } },
      },
      { request: "POST /networks/other/disconnect", body: {} },
      { request: "POST /networks/other/disconnect", body: "{" },
      { request: "POST /networks/absent/disconnect", body: { Container: "both" } },
      { request: "POST /networks/other/disconnect", body: { Container: "both", Force: true } },
      { request: "GET /containers/both/json" },
      { request: "GET /events?since={{start}}&until={{now}}", read: "lines" },
    ],
  },
];
