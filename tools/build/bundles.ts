import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rm, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { build, type Plugin } from "esbuild";
import { writeFileAtomic } from "../../src/kit/atomic-file.ts";
import { run } from "../../src/kit/subprocess.ts";

const programs: Readonly<Record<string, string>> = {
  duet: "src/cli/duet.ts",
  duetd: "src/daemon/main.ts",
};
/** Chunks of an earlier build stay this long, for daemons that still load from it. */
const staleChunkMilliseconds = 86_400_000;

/**
 * Bundles the programs that exist into dist/: `dist/NAME.js` turns V8's compile cache on and loads
 * the bundle. Chunks keep lazily imported commands lazy. koffi stays outside: it loads its binary
 * from its own folder in node_modules.
 */
export async function buildBundles(root: string, signal: AbortSignal): Promise<string> {
  const names = Object.keys(programs).filter((name) => existsSync(join(root, programs[name]!)));
  const folder = join(root, "dist/bundle");
  await mkdir(folder, { recursive: true });
  const result = await build({
    entryPoints: Object.fromEntries(names.map((name) => [name, join(root, programs[name]!)])),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    external: ["koffi"],
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: true,
    metafile: true,
    logLevel: "error",
    banner: { js: requireForCommonModules },
    plugins: [sourcePlaces(root)],
  });
  await removeStaleChunks(root, folder, Object.keys(result.metafile.outputs));
  for (const name of names) {
    await writeFileAtomic(join(root, `dist/${name}.js`), entryOf(name), 0o644);
    await fillCompileCache(root, name, signal);
  }
  const bytes = Object.values(result.metafile.outputs).reduce((sum, one) => sum + one.bytes, 0);
  return `${names.join(", ")}, ${(bytes / 1024).toFixed(0)} KB`;
}

const requireForCommonModules =
  'import{createRequire as duetCreateRequire}from"node:module";const require=duetCreateRequire(import.meta.url);';

function entryOf(name: string): string {
  return [
    'import { enableCompileCache } from "node:module";',
    'enableCompileCache(import.meta.dirname + "/compile-cache");',
    `await import("./bundle/${name}.js");`,
    "",
  ].join("\n");
}

/** Sources find files of the project from their own place; in a bundle they still get that place. */
function sourcePlaces(root: string): Plugin {
  return {
    name: "source-places",
    setup(esbuild) {
      esbuild.onLoad({ filter: /[/\\]src[/\\].*\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        const place = relative(root, path);
        const upwards = "import.meta.dirname.replace(/\\/dist\\/bundle$/, '')";
        const folder = `(${upwards} + ${JSON.stringify(`/${dirname(place)}`)})`;
        const contents = text
          .replaceAll("import.meta.dirname", folder)
          .replaceAll("import.meta.main", "true")
          .replaceAll(
            "import.meta.url",
            `("file://" + ${upwards} + ${JSON.stringify(`/${place}`)})`,
          );
        return { contents, loader: "ts" };
      });
    },
  };
}

async function removeStaleChunks(
  root: string,
  folder: string,
  outputs: readonly string[],
): Promise<void> {
  const current = new Set(outputs.map((path) => join(process.cwd(), path)));
  const limit = Date.now() - staleChunkMilliseconds;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (current.has(path) || current.has(relative(root, path))) continue;
    if ((await stat(path)).mtimeMs < limit) await rm(path, { force: true });
  }
}

/** One run, so that the first command of a user already finds the compile cache. */
async function fillCompileCache(root: string, name: string, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(20_000)]);
  await run(process.execPath, [join(root, `dist/${name}.js`), "--version"], {
    signal: deadline,
    okCodes: "any",
  });
}
