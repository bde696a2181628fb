import { createRequire } from "node:module";
import { constants } from "node:os";
import { DuetError } from "./errors.ts";

/**
 * The one door to the C library, for what Node has no call for. Nothing else of Duet loads koffi.
 * It is loaded at the first call, because that costs about 17 ms.
 */
type Argument = number | bigint | string | Uint8Array | null;

interface NativeFunction {
  (...args: Argument[]): number;
  async(...args: [...Argument[], (error: unknown, result: number) => void]): void;
}

interface Koffi {
  load(library: null): { func(declaration: string): NativeFunction };
  errno(): number;
}

let koffi: Koffi | undefined;
const functions = new Map<string, NativeFunction>();

function native(declaration: string): NativeFunction {
  const known = functions.get(declaration);
  if (known !== undefined) return known;
  koffi ??= createRequire(import.meta.url)("koffi") as Koffi;
  const made = koffi.load(null).func(declaration);
  functions.set(declaration, made);
  return made;
}

const errnoNames = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `ENOENT` for 2, and so on; `errno 999` for one without a name. */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

/** A failed system call as DuetError `internal` with the errno's name as code. */
export function systemCallFailed(what: string, errno: number): DuetError {
  const name = errnoName(errno);
  return new DuetError("internal", name, `${what} failed: ${name}`);
}

/**
 * Calls a function of the C library that answers -1 and sets errno on failure. `declaration` is its
 * C prototype, a constant of the caller. Gives the result; throws DuetError with the errno's name as code.
 */
export function systemCall(declaration: string, ...args: Argument[]): number {
  const call = native(declaration);
  const result = call(...args);
  if (result >= 0) return result;
  const errno = koffi?.errno() ?? 0;
  throw systemCallFailed(nameOf(declaration), errno);
}

/** As `systemCall`, but gives minus errno instead of throwing. */
export function trySystemCall(declaration: string, ...args: Argument[]): number {
  const call = native(declaration);
  const result = call(...args);
  return result >= 0 ? result : -(koffi?.errno() ?? 1);
}

/** Where the bytes of a buffer are, for structures that point to them; the caller keeps it alive meanwhile. */
export function addressOf(bytes: Buffer): bigint {
  return BigInt(systemCall("long memmove(void *, const void *, size_t)", bytes, bytes, 0));
}

/**
 * Calls it on a thread of the pool, for calls that may take long. errno is lost there: a failure is
 * the negative result alone. Buffers among `args` live as long as the call.
 */
export function systemCallAside(declaration: string, ...args: Argument[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  native(declaration).async(...args, (error, result) => {
    // koffi takes their addresses and nothing else: without a use here they are garbage while they are read.
    args.length = 0;
    if (error instanceof Error) reject(error);
    else resolve(result);
  });
  return promise;
}

function nameOf(declaration: string): string {
  return /(\w+)\s*\(/.exec(declaration)?.[1] ?? declaration;
}
