import { familiarReference, type Reference } from "../../domain/reference.ts";
import type { RegistryCredentials } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import { parseStrictJson } from "../../kit/strict-json.ts";
import { answerError } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import { describeFaults, parseFaults } from "./failures.ts";
import { pagesOf } from "./pages.ts";

const maximumPageBytes = 4 << 20;

/** Tags of a repository (OCI distribution-spec, "Listing Tags"), page by page. */
export async function fetchTags(
  endpoint: Endpoint,
  reference: Reference,
  credentials: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const answer of pagesOf(endpoint, reference, "tags/list", {}, credentials, signal)) {
    if (answer.status === 404) {
      const says = describeFaults(parseFaults(await answer.bytes(maximumPageBytes)));
      const name = familiarReference({ ...reference, tag: "", digest: null });
      const message = `repository ${name} not found${says === "" ? "" : `: ${says}`}`;
      throw new DuetError("not-found", "REPOSITORY_UNKNOWN", message, { subject: name });
    }
    if (answer.status !== 200)
      throw await answerError(answer, { reference, action: "pull", object: "manifest" });
    const value = parseStrictJson(await answer.bytes(maximumPageBytes), "a list of tags", {
      maximumBytes: maximumPageBytes,
    });
    const invalid = (why: string): DuetError => new DuetError("invalid", "REGISTRY_ANSWER", why);
    tags.push(...(new JsonFields(value, "a list of tags", invalid).texts("tags") ?? []));
  }
  return [...new Set(tags)];
}
