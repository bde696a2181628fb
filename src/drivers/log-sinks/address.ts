import { statSync } from "node:fs";
import { reasonOf } from "../../kit/errors.ts";
import { badOption } from "./failures.ts";

/** Where a log goes to. */
export type Destination =
  | { readonly kind: "tcp" | "tls"; readonly host: string; readonly port: number }
  | { readonly kind: "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "unixgram"; readonly path: string };

/** By the scheme of an address. */
export type Schemes = Readonly<Record<string, Destination["kind"]>>;

/** Reads `scheme://host[:port]`, or `scheme:///path` where a socket is. Throws `invalid` LOG_OPTION in Docker's words. */
export function parseDestination(text: string, schemes: Schemes, defaultPort: number): Destination {
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text);
  const scheme = (match?.[1] ?? "").toLowerCase();
  const rest = match?.[2] ?? "";
  const kind = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  if (kind === undefined) throw badOption(`unsupported scheme: '${scheme}'`);
  if (kind === "unix" || kind === "unixgram") return { kind, path: existing(rest) };
  const place = /^(\[[^\]]*\]|[^:/]*)(?::(\d{1,5}))?\/?$/.exec(rest);
  const port = Number(place?.[2] ?? defaultPort);
  if (place === null || port < 1 || port > 65_535) {
    throw badOption(`the address should be in form proto://address, got ${text.slice(0, 200)}`);
  }
  return { kind, host: place[1]!.replace(/^\[|\]$/g, "") || "127.0.0.1", port };
}

function existing(path: string): string {
  try {
    statSync(path);
    return path;
  } catch (error) {
    throw badOption(`stat ${path}: ${reasonOf(error) ?? "invalid argument"}`);
  }
}

/** As Go says it. */
export function addressText(destination: Destination): string {
  if ("path" in destination) return destination.path;
  const { host, port } = destination;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
