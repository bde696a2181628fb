import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { createRootfsAccess } from "../../../src/drivers/rootfs/access.ts";
import { never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { readTar } from "../../../src/kit/tar/reader.ts";
import { rootfsBinary, temporaryFolder } from "../../native/rootfs/binary.ts";

const access = createRootfsAccess({ binary: rootfsBinary, log: silentLog });

/** Later than every time of the trees. */
const farOff = 2 ** 40;

/** Files of every kind that may be packed, and of those that may not be, mixed. */
const upper = `
  mkdir -p app/sub/deep app/empty app/opaque
  for name in 1 2 3; do echo "content $name" > app/$name; done
  echo between > app/sub/between; echo after > app/t; : > app/nothing
  head -c 65536 /dev/urandom > app/largest; head -c 65537 /dev/urandom > app/over
  head -c 700000 /dev/urandom > app/big; head -c 512 /dev/urandom > app/block
  truncate -s 20000 app/hole; echo x | dd of=app/hole bs=1 seek=9000 conv=notrunc status=none
  echo link > app/first; ln app/first app/sub/second; ln -s first app/symbolic
  echo own > app/owned; chown 2097151:2097152 app/owned; echo ids > app/ids; chown 2097151:7 app/ids
  echo set > app/set; chmod 6751 app/set
  echo old > app/old; touch -d @0 app/old; echo before > app/before; touch -d @-5.5 app/before
  echo whole > app/whole; touch -d @1234567890 app/whole; echo part > app/part; touch -d @1234567890.000000001 app/part
  echo far > app/far; touch -d @8589934591.5 app/far || true
  n=$(printf '%040d' 7); mkdir -p app/$n; echo n > app/$n/$(printf '%054d' 1); echo n > app/$n/$(printf '%055d' 1); echo n > app/$n/$(printf '%056d' 1)
  echo raw > "app/$(printf 'n\\377')"; echo marked > app/marked; setfattr -n user.a -v 1 app/marked
  echo copied > app/copied; setfattr -n trusted.overlay.origin -v 0 app/copied
  mknod app/gone c 0 0; mkfifo app/pipe; setfattr -n trusted.overlay.opaque -v y app/opaque; echo in > app/opaque/in
  for name in $(seq 300); do head -c 3000 /dev/urandom > app/sub/deep/file-$name; done
`;

test("a layer is the same to the byte, whether its small files are packed where they lie or told one by one", async (t) => {
  const folder = temporaryFolder(t);
  execFileSync(
    "sh",
    ["-ec", `umask 022; mkdir lower upper work; mkdir lower/app; cd upper; ${upper}`],
    {
      cwd: folder,
    },
  );
  const place = (name: string): string => join(folder, name);
  const options = [
    `lowerdir=${place("lower")}`,
    `upperdir=${place("upper")}`,
    `workdir=${place("work")}`,
  ];
  const mounts = [{ type: "overlay", source: "overlay", target: "", options }] as const;
  await using session = await access.open({ kind: "mounts", mounts, readonly: true }, never);
  const layer = async (latestTime: number | null) => {
    const told: { calls: number; count: number; size: number } = { calls: 0, count: 0, size: 0 };
    const members = (count: number, size: number): void => {
      told.calls += 1;
      told.count += count;
      told.size += size;
    };
    const parts: Buffer[] = [];
    for await (const part of session.layer(never, undefined, { latestTime, members }))
      parts.push(part);
    return { tar: Buffer.concat(parts), ...told };
  };
  const [packed, plain] = [await layer(null), await layer(farOff)];
  assert.ok(packed.calls < plain.calls / 5, `${packed.calls} of ${plain.calls}`);
  assert.deepEqual([packed.count, packed.size], [plain.count, plain.size]);
  assert.ok(packed.tar.equals(plain.tar));
  const names = new Set<string>();
  for await (const { name } of readTar(stream(packed.tar))) names.add(name.toString("latin1"));
  assert.ok(names.has("app/sub/deep/file-300") && names.has("app/.wh.gone"));
  assert.equal(names.size, packed.count);
});

async function* stream(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  yield bytes;
}
