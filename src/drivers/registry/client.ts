import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { defaultDomain, type Reference } from "../../domain/reference.ts";
import type {
  AcceptedLogin,
  FoundRepository,
  RegistryClient,
  RegistryCredentials,
  ResolvedManifest,
  UploadedBlob,
} from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { domainOfRegistry, registryHost } from "./docker-hub.ts";
import { blobBody, openBlob } from "./download.ts";
import { Endpoint } from "./endpoint.ts";
import { logIn } from "./login.ts";
import { RegistryMemory } from "./memory.ts";
import { fetchDescribedManifest, fetchManifest, putManifest } from "./manifests.ts";
import { fetchReferrers } from "./referrers.ts";
import { defaultPatience, type RegistryConfig, type RegistryPatience } from "./registry-config.ts";
import { searchedIndex, searchRepositories } from "./search.ts";
import { fetchTags } from "./tags.ts";
import { headBlob, uploadBlob } from "./upload.ts";

export type { RegistryConfig, RegistryPatience } from "./registry-config.ts";

export interface RegistryClientOptions {
  readonly config: RegistryConfig;
  readonly log: Log;
  readonly patience?: Partial<RegistryPatience>;
  /** File to keep in what is learnt of registries; none where left out. */
  readonly memoryPath?: string;
}

/** A client of every registry: one endpoint a host, made when it is first asked for. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  return new HttpRegistryClient(options);
}

type Blob = Awaited<ReturnType<RegistryClient["blob"]>>;

class HttpRegistryClient implements RegistryClient {
  private readonly config: RegistryConfig;
  private readonly log: Log;
  private readonly patience: RegistryPatience;
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly mirrors: ReadonlyMap<string, readonly URL[]>;
  private readonly memory: RegistryMemory;

  constructor({ config, log, patience, memoryPath = "" }: RegistryClientOptions) {
    this.config = config;
    this.log = log;
    this.patience = { ...defaultPatience, ...patience };
    this.memory = new RegistryMemory(memoryPath, log);
    const mirrors = { ...config.mirrorsOf, [defaultDomain]: config.mirrors };
    this.mirrors = new Map(
      Object.entries(mirrors).map(([domain, urls]) => [domain, urls.map(parseMirror)]),
    );
  }

  async resolve(
    reference: Reference,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<ResolvedManifest> {
    const name = reference.digest ?? (reference.tag || "latest");
    return await this.fromSources(reference, auth, signal, (endpoint, credentials) =>
      fetchManifest(endpoint, reference, name, credentials, signal),
    );
  }

  async manifest(
    reference: Reference,
    descriptor: Descriptor,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<Buffer> {
    return await this.fromSources(reference, auth, signal, (endpoint, credentials) =>
      fetchDescribedManifest(endpoint, reference, descriptor, credentials, signal),
    );
  }

  async blob(
    reference: Reference,
    descriptor: Descriptor,
    offset: number,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<Blob> {
    return await this.fromSources(reference, auth, signal, async (endpoint, credentials) => {
      const request = { reference, descriptor, credentials, signal };
      const opened = await openBlob(endpoint, request, offset);
      this.memory.notePlace(endpoint.host, descriptor.digest, reference.path);
      return { offset: opened.offset, body: blobBody(endpoint, request, opened, this.patience) };
    });
  }

  async hasBlob(
    reference: Reference,
    digest: Digest,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<boolean> {
    const endpoint = this.endpoint(registryHost(reference.domain));
    const found = await headBlob(endpoint, { reference, credentials: auth, signal }, digest);
    if (found) this.memory.notePlace(endpoint.host, digest, reference.path);
    return found;
  }

  async pushBlob(
    reference: Reference,
    descriptor: Descriptor,
    body: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
    progress: (sent: number) => void = () => undefined,
  ): Promise<UploadedBlob> {
    const endpoint = this.endpoint(registryHost(reference.domain));
    const upload = { reference, descriptor, body, credentials: auth, signal, progress };
    const uploaded = await uploadBlob(endpoint, upload, this.patience, this.memory);
    this.memory.notePlace(endpoint.host, descriptor.digest, reference.path);
    return uploaded;
  }

  async pushManifest(
    reference: Reference,
    mediaType: string,
    content: Buffer,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<Digest> {
    const endpoint = this.endpoint(registryHost(reference.domain));
    return await putManifest(endpoint, reference, mediaType, content, auth, signal);
  }

  async referrers(
    reference: Reference,
    subject: Digest,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<readonly Descriptor[]> {
    return await this.fromSources(reference, auth, signal, (endpoint, credentials) =>
      fetchReferrers(endpoint, reference, subject, credentials, signal),
    );
  }

  async tags(
    reference: Reference,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    return await this.fromSources(reference, auth, signal, (endpoint, credentials) =>
      fetchTags(endpoint, reference, credentials, signal),
    );
  }

  async login(
    registry: string,
    auth: RegistryCredentials,
    signal: AbortSignal,
  ): Promise<AcceptedLogin> {
    return await logIn(this.endpoint(registryHost(domainOfRegistry(registry))), auth, signal);
  }

  async search(
    term: string,
    limit: number,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<readonly FoundRepository[]> {
    const { host, words } = searchedIndex(term);
    return await searchRepositories(this.endpoint(host), words, limit, auth, signal);
  }

  /** Asks the mirrors in their order, without credentials, then the registry itself, whose failure counts. */
  private async fromSources<T>(
    reference: Reference,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
    work: (endpoint: Endpoint, credentials: RegistryCredentials | null) => Promise<T>,
  ): Promise<T> {
    for (const mirror of this.mirrors.get(reference.domain) ?? []) {
      try {
        return await work(this.endpoint(mirror.host, mirror.pathname), null);
      } catch (error) {
        signal.throwIfAborted();
        this.log.info("mirror-failed", { mirror: mirror.host, image: reference.path, error });
      }
    }
    return await work(this.endpoint(registryHost(reference.domain)), auth);
  }

  private endpoint(host: string, path = ""): Endpoint {
    const key = `${host}${path}`;
    const known = this.endpoints.get(key);
    if (known !== undefined) return known;
    const made = new Endpoint(host, path, this.config, this.patience, this.log);
    this.endpoints.set(key, made);
    return made;
  }
}

/** A mirror with `http:` must also be named in insecureRegistries: no protocol is weakened in passing. */
function parseMirror(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const usable = url !== undefined && (url.protocol === "https:" || url.protocol === "http:");
  if (usable && url.username === "" && url.search === "") return url;
  throw new DuetError(
    "invalid",
    "MIRROR_INVALID",
    `not the URL of a mirror: ${JSON.stringify(text.slice(0, 200))}`,
    {
      hint: "write https://host[:port]",
    },
  );
}
