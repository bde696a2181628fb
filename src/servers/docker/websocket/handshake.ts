import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { invalid } from "../failures.ts";

/** RFC 6455, section 1.3. */
const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * The head that accepts a client's opening handshake. Throws `invalid` where it is none. Who may ask at
 * all (its Origin) was checked at the door, as of every request.
 */
export function acceptingHead(headers: IncomingHttpHeaders, apiVersion: string): string {
  const key = headers["sec-websocket-key"] ?? "";
  if ((headers.upgrade ?? "").toLowerCase() !== "websocket" || !/^[\w+/]{22}==$/.test(key)) {
    throw invalid("not websocket protocol", "open this path as a WebSocket");
  }
  if (headers["sec-websocket-version"] !== "13") {
    throw invalid("missing or bad WebSocket Version", "speak version 13");
  }
  const accept = createHash("sha1")
    .update(key + magic)
    .digest("base64");
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    `Api-Version: ${apiVersion}`,
    "",
    "",
  ].join("\r\n");
}
