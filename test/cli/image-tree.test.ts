import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { imageTree } from "../../src/cli/list/image-tree.ts";
import type { ImageSummary } from "../../src/client/api-types.ts";
import { RunningServer } from "../servers/docker/running-server.ts";
import { runLine } from "./run-line.ts";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

function image(fields: Partial<ImageSummary>): ImageSummary {
  return {
    ...{ Id: digest("a"), ParentId: "", RepoTags: [], RepoDigests: [], Created: 1, Size: 0 },
    ...{ SharedSize: -1, Labels: null, Containers: 0, ...fields },
  };
}

function part(
  id: string,
  [architecture, variant]: readonly [string, string?],
  fields: { readonly content: number; readonly total: number; readonly used?: boolean },
): NonNullable<ImageSummary["Manifests"]>[number] {
  return {
    ID: digest(id),
    Descriptor: { mediaType: "application/json", digest: digest(id), size: 1 },
    Available: fields.total > 0,
    Size: { Content: fields.content, Total: fields.total },
    Kind: "image",
    ImageData: {
      Platform: { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) },
      Size: { Unpacked: fields.total - fields.content },
      Containers: fields.used === true ? ["x"] : null,
    },
  };
}

const images = [
  image({ Id: digest("e"), RepoTags: ["old:1"], Size: 30_400 }),
  image({
    RepoTags: ["box:1", "registry.example.com/group/with/a/long/name/box:1234567890"],
    Created: 2,
    Size: 1_983_784,
    Manifests: [
      part("b", ["amd64"], { content: 1_058_795, total: 3_042_579, used: true }),
      part("c", ["arm", "v7"], { content: 0, total: 0 }),
    ],
  }),
];

/** As Docker 28.5.2 prints the same answer into a pipe, but for the codes of colour that it leaves in the heading. */
const piped = `WARNING: This is an experimental feature. The output may change and shouldn't be depended on.
                                                              Info ->  U In Use 

IMAGE                           ID             DISK USAGE   CONTENT SIZE   EXTRA
registry.example.com/group/with/a/long/name/box:1234567890
box:1                           aaaaaaaaaaaa       1.98MB         1.06MB   U    
├─ linux/amd64                  bbbbbbbbbbbb       3.04MB         1.06MB   U    
└─ linux/arm/v7                 cccccccccccc           0B             0B        

old:1                           eeeeeeeeeeee       30.4kB             0B        
`;

test("the tree of images is Docker's, newest first, with its platforms below and what is in use marked", () => {
  assert.equal(imageTree(images, { columns: 80, color: false }).join("\n"), piped);
});

test("the tree of images leaves out columns on a narrow terminal and has colours on any", () => {
  const lines = imageTree(images, { columns: 40, color: true });
  assert.deepEqual(lines.slice(3, 7).map(stripVTControlCharacters), [
    "IMAGE          ID             DISK USAGE",
    "registry.example.com/group/with/a/long/…",
    "box:1          aaaaaaaaaaaa       1.98MB",
    "├─ linux/am…   bbbbbbbbbbbb       3.04MB",
  ]);
  assert.equal(lines[5]?.startsWith("\u001b[34mbox:1\u001b[0m"), true);
  assert.equal(lines[7]?.startsWith("\u001b[39;2m└─ linux/ar…"), true, "not here, so faint");
});

test("duet image ls --tree takes no other form beside", async () => {
  await using server = await RunningServer.start();
  const duet = async (...words: string[]) => await runLine(["--host", server.socket, ...words]);
  const forms = [["--format", "json"], ["-q"], ["--no-trunc"], ["--digests"]];
  for (const words of forms) {
    const refused = await duet("images", "--tree", ...words);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^duet: --[a-z-]+ is not yet supported with --tree$/m);
    assert.equal(refused.stdout, "");
  }
});
