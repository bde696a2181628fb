import { DuetError } from "../../kit/errors.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  minimum: 1,
  maximum: 2,
  completes: ["running-containers"],
  flags: [],
  examples: [{ what: "Where does port 80 come out?", line: "duet port web 80" }],
  async run({ words, duet, terminal, signal }) {
    const [container = "", wanted] = words;
    const { NetworkSettings } = await duet().containers.inspect(container, false, signal);
    const ports = NetworkSettings.Ports ?? {};
    const address = (binding: { HostIp?: string; HostPort?: string }): string =>
      `${binding.HostIp?.includes(":") === true ? `[${binding.HostIp}]` : (binding.HostIp ?? "")}:${binding.HostPort ?? ""}`;
    if (wanted === undefined) {
      for (const [port, bindings] of Object.entries(ports).toSorted()) {
        for (const binding of bindings ?? []) terminal.print(`${port} -> ${address(binding)}`);
      }
      return;
    }
    const bindings = ports[wanted.includes("/") ? wanted : `${wanted}/tcp`] ?? [];
    if (bindings.length === 0) {
      throw new DuetError(
        "not-found",
        "PORT_NOT_PUBLISHED",
        `no public port '${wanted}' published for ${container}`,
      );
    }
    for (const binding of bindings) terminal.print(address(binding));
  },
};
