import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { timeEach } from "./each-container.ts";
import type { BenchCase } from "./case.ts";

const folders = 20;
const filesOfEach = 100;
const fileBytes = 256 << 10;

/** `docker cp` of a tree of 2,000 files, 500 MB, into a container and out of it. */
export const copyCase: BenchCase = {
  name: "copy",
  run: async (context) => {
    const tree = join(context.folder, "copy", "tree");
    await makeTree(tree);
    const into = await timeEach(
      context,
      "`docker cp` of 500 MB in 2,000 files, into",
      async ({ client, flags }) => {
        const id = await client.text("run", "-d", ...flags, "busybox", "sleep", "3600");
        return {
          run: async () => void (await client.call("cp", tree, `${id}:/in`)),
          reset: async () => void (await client.call("exec", id, "rm", "-rf", "/in")),
          undo: () => client.call("rm", "-f", id),
        };
      },
    );
    const out = await timeEach(context, "the same, out of", async ({ client, flags, name }) => {
      const id = await client.text("run", "-d", ...flags, "busybox", "sleep", "3600");
      await client.call("cp", tree, `${id}:/in`);
      // The folder itself holds those of the engines, under their names.
      const target = join(dirname(tree), name.replaceAll(/[^a-z]/g, "-"));
      return {
        run: async () => void (await client.call("cp", `${id}:/in`, target)),
        reset: () => rm(target, { recursive: true, force: true }),
        undo: () => client.call("rm", "-f", id),
      };
    });
    await rm(dirname(tree), { recursive: true, force: true });
    return [into, out];
  },
};

async function makeTree(tree: string): Promise<void> {
  const content = randomBytes(fileBytes);
  for (let folder = 0; folder < folders; folder += 1) {
    const path = join(tree, `folder-${folder}`);
    await mkdir(path, { recursive: true });
    for (let file = 0; file < filesOfEach; file += 1)
      await writeFile(join(path, `file-${file}`), content);
  }
}
