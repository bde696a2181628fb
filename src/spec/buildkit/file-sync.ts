import {
  bigint,
  bytes,
  int,
  map,
  message,
  method,
  nested,
  type ValueOfMessage,
} from "../protobuf.ts";
import { bytesMessage } from "./google.ts";

/** Package fsutil.types (tonistiigi/fsutil types/stat.proto and wire.proto). Paths are bytes. */
export const stat = message({
  path: bytes(1),
  /** Kind and permissions as Go's os.FileMode has them. */
  mode: int(2),
  uid: int(3),
  gid: int(4),
  size: int(5),
  /** Nanoseconds since the epoch. */
  modifiedAt: bigint(6),
  link: bytes(7),
  deviceMajor: int(8),
  deviceMinor: int(9),
  attributes: map(10, bytes(2)),
});
export type Stat = ValueOfMessage<typeof stat>;

export const packetTypes = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;

export const packet = message({
  type: int(1),
  stat: nested(2, stat),
  /** Of a file: its place among the stats sent, from 0. */
  id: int(3),
  data: bytes(4),
});
export type Packet = ValueOfMessage<typeof packet>;

/** Package moby.filesync.v1: the client's folders, and where it wants results. */
export const fileSync = method("/moby.filesync.v1.FileSync/DiffCopy", packet, packet);
export const fileSendTree = method("/moby.filesync.v1.FileSend/DiffCopy", packet, packet);
export const fileSendBytes = method(
  "/moby.filesync.v1.FileSend/DiffCopy",
  bytesMessage,
  bytesMessage,
);
