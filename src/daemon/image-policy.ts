import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { acceptAll, parseImagePolicy, type ImagePolicy } from "../domain/image-policy.ts";
import { readPublicKey } from "../domain/signature.ts";

/** Reads the policy's file and the keys that it names, relative to it. "" accepts all images. */
export function readImagePolicy(path: string): ImagePolicy {
  if (path === "") return acceptAll;
  return parseImagePolicy(readFileSync(path), (file) => {
    const pem = readFileSync(resolve(dirname(path), file), "utf8");
    readPublicKey(pem, file);
    return pem;
  });
}
