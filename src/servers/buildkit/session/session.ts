import { canceled, never } from "../../../kit/abort.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { Method } from "../../../spec/protobuf.ts";
import type { GrpcClient } from "../../../kit/grpc/client.ts";

/** A client that offers its files, secrets and the like to the builds that name it. */
export interface Session {
  readonly id: string;
  /** What tells this client's folders from others', over several builds. */
  readonly sharedKey: string;
  readonly client: GrpcClient;
  /** Aborts when the client has left. */
  readonly signal: AbortSignal;
  /** Whether the client has said that it answers the method. */
  offers(method: Method<unknown, unknown>): boolean;
}

/** What a client says of its session as it opens it. */
export interface SessionHead {
  readonly id: string;
  readonly sharedKey: string;
  readonly methods: ReadonlySet<string>;
}

/** For a client that offers nothing. */
export function noSession(): Session {
  return {
    id: "",
    sharedKey: "",
    signal: never,
    offers: () => false,
    get client(): GrpcClient {
      throw new DuetError("unavailable", "SESSION_MISSING", "the build has no session");
    },
  };
}

const maximumSessions = 256;
/** Milliseconds that a build waits for the session it names: clients open both at once. */
const sessionTimeout = 20_000;

/** The sessions that are open now. */
export class SessionTable {
  private readonly open = new Map<string, Session>();
  private readonly waiting = new Map<string, Set<(session: Session) => void>>();

  /** Until the client leaves. Throws `conflict` SESSION_EXISTS, `exhausted` SESSIONS_FULL. */
  async serve(head: SessionHead, client: GrpcClient, signal: AbortSignal): Promise<void> {
    if (this.open.has(head.id)) {
      throw new DuetError("conflict", "SESSION_EXISTS", `session ${head.id} already exists`);
    }
    if (this.open.size >= maximumSessions) {
      throw new DuetError("exhausted", "SESSIONS_FULL", "too many sessions of builds are open");
    }
    const controller = new AbortController();
    const leave = (): void => client.close();
    signal.addEventListener("abort", leave, { once: true });
    const session: Session = {
      id: head.id,
      sharedKey: head.sharedKey,
      client,
      signal: controller.signal,
      offers: (method) => head.methods.has(method.path.toLowerCase()),
    };
    this.open.set(head.id, session);
    for (const tell of this.waiting.get(head.id) ?? []) tell(session);
    try {
      await client.closed;
    } finally {
      signal.removeEventListener("abort", leave);
      this.open.delete(head.id);
      controller.abort(canceled("the client has left the build"));
    }
  }

  /** Waits for a session that is about to come. Throws `unavailable` SESSION_MISSING. */
  async get(id: string, signal: AbortSignal): Promise<Session> {
    const found = this.open.get(id);
    if (found !== undefined) return found;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Session>();
    const waiting = this.waiting.get(id) ?? new Set();
    this.waiting.set(id, waiting.add(resolve));
    const timer = setTimeout(() => {
      reject(new DuetError("unavailable", "SESSION_MISSING", `no active session for ${id}`));
    }, sessionTimeout);
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      waiting.delete(resolve);
      if (waiting.size === 0) this.waiting.delete(id);
    }
  }
}
