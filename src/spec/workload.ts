/** The workload protocol's numbers; see docs/internals/protocol.md and native/shared/protocol.h. */
export const protocolVersion = 1;
export const maximumPayload = 1 << 20;
export const initialCredit = 256 << 10;
export const frameHeaderSize = 12;

export const messageType = {
  hello: 1,
  configure: 2,
  setup: 3,
  network: 4,
  create: 5,
  start: 6,
  attach: 7,
  exec: 8,
  wait: 9,
  signal: 10,
  resize: 11,
  status: 12,
  shutdown: 13,
  rootfs: 14,
  sync: 15,
  processes: 16,
  closeStdin: 17,
  detach: 18,
  ok: 64,
  error: 65,
  stdin: 66,
  stdout: 67,
  stderr: 68,
  started: 69,
  exited: 70,
  ended: 71,
  credit: 72,
} as const;
