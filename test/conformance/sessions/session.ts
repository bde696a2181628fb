/** A session's tests, run in the order in which they were added; each prints one line for `relay`. */
export class Session {
  private readonly tests: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  private readonly library: string;

  constructor(library: string) {
    this.library = library;
  }

  test(name: string, body: () => Promise<void>): void {
    this.tests.push({ name: `${this.library}: ${name}`, body });
  }

  /** Ends the process: a library's pool of connections would hold it. */
  async run(): Promise<never> {
    // Libraries let go of sockets that a test still waits for.
    setInterval(() => undefined, 60_000);
    for (const { name, body } of this.tests) {
      const error = await body().then(
        () => undefined,
        (thrown: unknown) =>
          thrown instanceof Error ? (thrown.stack ?? thrown.message) : "thrown",
      );
      console.log(JSON.stringify({ name, ...(error === undefined ? {} : { error }) }));
    }
    process.exit(0);
  }
}
