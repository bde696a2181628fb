import { DuetError } from "../../kit/errors.ts";
import { errnoName, systemCall, trySystemCall } from "../../kit/syscalls.ts";
import { bytesOfAddress, formatAddress, type Address } from "./address.ts";

const declare = {
  socket: "int socket(int, int, int)",
  bind: "int bind(int, const void *, unsigned int)",
  listen: "int listen(int, int)",
  option: "int setsockopt(int, int, int, const void *, unsigned int)",
  close: "int close(int)",
} as const;

const internet = 2;
const stream = 1;
const datagram = 2;
const closeOnExec = 0o2000000;
const socketLevel = 1;
const reuseAddress = 2;

/**
 * Holds an IPv4 port of the host, so that no other program takes it and none that has it loses it.
 * Traffic never gets here: the rules turn it off to the workload before. Throws `conflict`
 * PORT_IN_USE, `exhausted` when there are no descriptors left, `unavailable` for a foreign address.
 */
export function reservePort(
  protocol: "tcp" | "udp",
  host: Address,
  port: number,
): { close(): void } {
  const kind = (protocol === "tcp" ? stream : datagram) | closeOnExec;
  const fd = trySystemCall(declare.socket, internet, kind, 0);
  if (fd < 0) throw reservationFailed(-fd, protocol, host, port);
  const errno = occupy(fd, protocol, host, port);
  if (errno === 0) return { close: () => void systemCall(declare.close, fd) };
  systemCall(declare.close, fd);
  throw reservationFailed(errno, protocol, host, port);
}

function occupy(fd: number, protocol: "tcp" | "udp", host: Address, port: number): number {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(internet, 0);
  address.writeUInt16BE(port, 2);
  address.set(bytesOfAddress(host), 4);
  if (protocol === "tcp") {
    const on = Buffer.of(1, 0, 0, 0);
    trySystemCall(declare.option, fd, socketLevel, reuseAddress, on, on.length);
  }
  const bound = trySystemCall(declare.bind, fd, address, address.length);
  if (bound < 0) return -bound;
  const listening = protocol === "tcp" ? trySystemCall(declare.listen, fd, 0) : 0;
  return listening < 0 ? -listening : 0;
}

function reservationFailed(
  errno: number,
  protocol: string,
  host: Address,
  port: number,
): DuetError {
  const name = errnoName(errno);
  const where = `${formatAddress(host)}:${port}`;
  return portError(name, protocol, where);
}

/** The typed error of a port that could not be had; `name` is the errno's. */
export function portError(name: string | undefined, protocol: string, where: string): DuetError {
  const what = `Bind for ${where} failed`;
  const subject = `port ${where}/${protocol}`;
  if (name === "EADDRINUSE") {
    return new DuetError("conflict", "PORT_IN_USE", `${what}: port is already allocated`, {
      subject,
      hint: "choose another host port, or stop what uses this one",
      http: 500,
    });
  }
  if (name === "EMFILE" || name === "ENFILE" || name === "ENOBUFS" || name === "ENOMEM") {
    return new DuetError(
      "exhausted",
      "TOO_MANY_PORTS",
      `${what}: the host has no resources left (${name})`,
      {
        hint: "publish fewer ports, or raise the daemon's limit of open files",
      },
    );
  }
  return new DuetError(
    "unavailable",
    "PORT_UNAVAILABLE",
    name === "EADDRNOTAVAIL"
      ? `failed to bind host port for ${where}/${protocol}: cannot assign requested address`
      : `${what}: ${name ?? "unknown error"}`,
    { subject, hint: "publish on an address that this host has", http: 500 },
  );
}
