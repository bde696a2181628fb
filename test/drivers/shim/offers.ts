import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { networkFields } from "../../../src/drivers/runtime-qemu/guest-fields.ts";
import { createShimLauncher } from "../../../src/drivers/shim/launcher.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { fieldTag, messageType } from "../../../src/spec/workload.ts";
import { binary, signal } from "./machine.ts";

/** In a network of its own: a machine's side of a tap, and the shim that answers it. Prints what each question got. */
const guest = `
import fcntl, os, select, struct, sys
mac = bytes.fromhex("02420a000002")
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"tap0", 0x1002))
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
message = struct.pack("!4BI4x4I", 1, 1, 6, 0, 7, 0, 0, 0, 0) + mac + bytes(202)
message += bytes.fromhex("63825363") + bytes([53, 1, 1, 255])
udp = struct.pack("!4H", 68, 67, 8 + len(message), 0) + message
head = lambda sum: struct.pack("!BBHHHBBHI", 69, 0, 20 + len(udp), 0, 0, 64, 17, sum, 0) + b"\\xff" * 4
frame = b"\\xff" * 6 + mac + b"\\x08\\x00" + head(checksum(head(0))) + udp
print("ready", flush=True)
for line in sys.stdin:
    while True:
        os.write(tap, frame)
        ready, _, _ = select.select([tap], [], [], 0.2)
        got = os.read(tap, 2048) if ready else b""
        if got[12:14] == b"\\x08\\x00" and got[23:24] == b"\\x11" and got[36:38] == b"\\x00\\x44":
            print(".".join(map(str, got[58:62])), flush=True)
            break
`;

const ip = async (...words: readonly string[]): Promise<void> => {
  await run("ip", words, { signal: signal() });
};
const folder = await mkdtemp("/tmp/dm-");
const machine = spawn("python3", ["-c", guest], { stdio: ["pipe", "pipe", "inherit"] });
const said = createInterface(machine.stdout)[Symbol.asyncIterator]();
const ask = async (): Promise<void> => {
  machine.stdin.write("\n");
  console.log((await said.next()).value);
};
await said.next();
await ip("link", "set", "tap0", "up");

const launcher = createShimLauncher({ binary });
const { link } = await launcher.launch(folder, "machine-test", signal());
await link.request(
  messageType.configure,
  [
    [fieldTag.isolation, "disk"],
    [fieldTag.program, "sleep"],
    [fieldTag.program, "1000"],
    [fieldTag.exitPath, join(folder, "exit.json")],
    [fieldTag.logPath, join(folder, "log.json")],
    [fieldTag.logMaximumFiles, 1],
  ],
  signal(),
);
const card = { device: "tap0", name: "eth0", mac: "02:42:0a:00:00:02", routes: [], mtu: 1_500 };
const told = [[fieldTag.hostname, "guest"]] as const;
const cards = networkFields([{ ...card, addresses: ["10.0.0.2/24"] }]);
await link.request(messageType.network, [...told, ...cards], signal());
await ask();
for (let time = 0; time < 2; time += 1) {
  await ip("link", "set", "tap0", "down");
  await ip("link", "set", "tap0", "up");
  await ask();
}
await link.request(messageType.shutdown, [], signal());
await link.closed;
machine.kill("SIGKILL");
await rm(folder, { recursive: true });
