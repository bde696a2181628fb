import { execFileSync } from "node:child_process";
import { parentPort } from "node:worker_threads";
import { systemCall } from "../../../src/kit/syscalls.ts";
import { askTcp, askUdp, received, serveTcp, serveUdp, stopServing } from "./traffic.ts";

/** A thread in a network namespace of its own, which plays a container or a host outside. */
const newNetwork = 0x40000000;

systemCall("int unshare(int)", newNetwork);
const port = parentPort;
if (port === null) throw new Error("this file is for a worker");
port.postMessage({ thread: systemCall("int gettid()") });
port.on("message", (request: { id: number; verb: string; args: unknown[] }) => {
  handle(request.verb, request.args).then(
    (result) => port.postMessage({ id: request.id, result }),
    (error: unknown) => port.postMessage({ id: request.id, error: String(error) }),
  );
});

async function handle(verb: string, args: readonly unknown[]): Promise<unknown> {
  const [first, second, third, fourth, fifth] = args;
  switch (verb) {
    case "run":
      return execFileSync(String(first), second as string[], {
        encoding: "utf8",
        stdio: "pipe",
        timeout: 60_000,
      });
    case "serveTcp":
      return serveTcp(Number(first), String(second));
    case "serveUdp":
      return serveUdp(Number(first), String(second));
    case "askTcp":
      return askTcp(String(second), Number(third), {
        patience: Number(first),
        ...(fourth === undefined ? {} : { data: fourth as string }),
      });
    case "askUdp":
      return askUdp(String(second), Number(third), {
        patience: Number(first),
        data: fourth as string,
        from: Number(fifth ?? 0),
      });
    case "sendFrame":
      return sendFrame(String(first), Buffer.from(String(second), "hex"));
    case "received":
      return received;
    case "stop":
      stopServing();
      port?.close();
      return undefined;
    default:
      throw new Error(`unknown verb ${verb}`);
  }
}

/** A raw Ethernet frame out of a device (packet(7)). */
function sendFrame(device: string, frame: Buffer): void {
  const index = indexOf(device);
  const fd = systemCall("int socket(int, int, int)", 17, 3, 0);
  const address = Buffer.alloc(20);
  address.writeUInt16LE(17, 0);
  address.writeInt32LE(index, 4);
  address.writeUInt8(6, 11);
  systemCall(
    "long sendto(int, const void *, size_t, int, const void *, unsigned int)",
    fd,
    frame,
    frame.length,
    0,
    address,
    address.length,
  );
  systemCall("int close(int)", fd);
}

function indexOf(device: string): number {
  const links = JSON.parse(
    execFileSync("ip", ["-j", "link", "show", "dev", device], { encoding: "utf8" }),
  ) as { ifindex: number }[];
  return links[0]?.ifindex ?? 0;
}
