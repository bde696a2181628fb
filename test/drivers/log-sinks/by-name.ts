import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createLogSinks } from "../../../src/drivers/log-sinks/log-sinks.ts";
import { never } from "../../../src/kit/abort.ts";

/** Sends a line to each server on ::1 by the name that is the argument, and prints what came. */
const [name = ""] = process.argv.slice(2);
const sinks = createLogSinks();
const source = {
  ...{ id: "4".repeat(64), name: "web", imageId: "sha256:8", imageName: "busybox", tag: "web" },
  ...{ command: "true", createdAt: 0, attributes: new Map<string, string>() },
};
const line = { stream: "stdout", time: "2026-11-23T16:14:04Z", data: Buffer.from("out") } as const;

async function send(driver: string, options: Readonly<Record<string, string>>): Promise<void> {
  const sink = await sinks.open(driver, options, source, never);
  await sink.send([line], never);
  await sink[Symbol.asyncDispose]();
}

const datagrams = createSocket("udp6").bind(0, "::1");
await once(datagrams, "listening");
const datagram = once(datagrams, "message");
await send("syslog", { "syslog-address": `udp://${name}:${datagrams.address().port}` });
console.log(String((await datagram)[0]));
datagrams.close();

const server = createServer().listen(0, "::1");
await once(server, "listening");
const connection = once(server, "connection");
const { port } = server.address() as AddressInfo;
await send("gelf", { "gelf-address": `tcp://${name}:${port}` });
const [socket] = (await connection) as [NodeJS.ReadableStream];
console.log(String((await once(socket, "data"))[0]));
server.close();
