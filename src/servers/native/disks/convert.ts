import { isIP } from "node:net";
import { diskFormats, type BootNetwork, type DiskFormat } from "../../../domain/boot-disk.ts";
import type { ConvertOptions } from "../../../engine/engine.ts";
import { JsonFields } from "../../../kit/json-fields.ts";
import { sparseFrames, sparseMediaType } from "../../../kit/sparse-frames.ts";
import type { JsonValue } from "../../../kit/strict-json.ts";
import type { ConvertBody } from "../../../spec/duet/disks.ts";
import type { Exchange } from "../../docker/exchange.ts";
import { invalid } from "../../docker/failures.ts";
import { sendBytes } from "../../docker/streaming.ts";

const known: Readonly<Record<keyof ConvertBody, true>> = {
  format: true,
  size: true,
  kernel: true,
  hostname: true,
  network: true,
  sshKeys: true,
  entrypoint: true,
  command: true,
  env: true,
  user: true,
  workingDirectory: true,
  epoch: true,
};
const largestDisk = 64 * 2 ** 40;

/** `POST /duet/v1/images/{name}/disk`: the answer's body is the disk, without its holes for who accepts that. */
export async function convertImage(exchange: Exchange): Promise<void> {
  const options = readOptions((await exchange.json()) ?? {});
  const name = exchange.parameter("name");
  await using disk = await exchange.engine.disks.convert(name, options, exchange.signal);
  if (exchange.headers.accept === sparseMediaType) {
    await sendBytes(exchange, sparseMediaType, sparseFrames(disk.read()));
    return;
  }
  exchange.header("Content-Length", `${disk.size}`);
  await sendBytes(exchange, "application/octet-stream", disk.read());
}

/** Throws `invalid` REQUEST_INVALID for unknown fields, wrong types and values that mean nothing. */
export function readOptions(body: unknown): ConvertOptions {
  const fields = new JsonFields(body as JsonValue, "the body", (why) => invalid(why));
  const unknown = fields.keys().find((key) => !Object.hasOwn(known, key));
  if (unknown !== undefined) throw invalid(`unknown field ${JSON.stringify(unknown)}`);
  const size = fields.count("size") ?? null;
  if (size !== null && size > largestDisk) throw invalid("size is over 64 TiB");
  const hostname = fields.text("hostname") ?? null;
  if (hostname !== null && !/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/.test(hostname))
    throw invalid(`not a host name: ${JSON.stringify(hostname.slice(0, 80))}`);
  return {
    format: readFormat(fields.text("format")),
    size,
    kernel: fields.text("kernel") ?? null,
    hostname,
    network: readNetwork(fields.object("network")),
    sshKeys: readKeys(fields.text("sshKeys")),
    entrypoint: fields.texts("entrypoint") ?? null,
    command: fields.texts("command") ?? null,
    env: fields.texts("env") ?? [],
    user: fields.text("user") ?? "",
    workingDirectory: fields.text("workingDirectory") ?? "",
    epoch: fields.count("epoch") ?? null,
  };
}

function readFormat(text: string | undefined): DiskFormat {
  const found = diskFormats.find((format) => format === text);
  if (found !== undefined) return found;
  throw invalid(`format is none of ${diskFormats.join(", ")}`);
}

function readKeys(text: string | undefined): string | null {
  if (text === undefined) return null;
  const lines = text.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  const key = /^(?:[^ ]+ )?(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+/;
  const wrong = lines.find((line) => !key.test(line));
  if (lines.length > 0 && wrong === undefined && text.length < 64 << 10)
    return `${lines.join("\n")}\n`;
  throw invalid(
    wrong?.includes("PRIVATE KEY") === true
      ? "sshKeys holds a private key: give the public one, a file that ends in .pub"
      : "sshKeys holds a line that is no public key of ssh",
  );
}

function readNetwork(fields: JsonFields | undefined): BootNetwork {
  const kind = fields?.text("kind") ?? "dhcp";
  if (kind === "dhcp" || kind === "none") return { kind };
  if (kind !== "static") throw invalid("network.kind is none of dhcp, static and none");
  const address = fields?.text("address") ?? "";
  const [plain = "", prefix = ""] = address.split("/");
  const most = isIP(plain) === 6 ? 128 : 32;
  if (isIP(plain) === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > most)
    throw invalid("network.address is no address with its prefix, such as 192.0.2.7/24");
  const gateway = fields?.text("gateway") ?? null;
  const nameservers = fields?.texts("nameservers") ?? [];
  const wrong = [...(gateway === null ? [] : [gateway]), ...nameservers].find(
    (one) => isIP(one) === 0,
  );
  if (wrong !== undefined) throw invalid(`not an address: ${JSON.stringify(wrong.slice(0, 80))}`);
  return { kind: "static", address, gateway, nameservers };
}
