const forwarded: readonly NodeJS.Signals[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGCONT",
];

/** While it lives, signals to this process go to `deliver` instead. */
export class SignalProxy implements Disposable {
  private readonly listener: (name: NodeJS.Signals) => void;

  constructor(deliver: (name: NodeJS.Signals) => void) {
    this.listener = deliver;
    for (const name of forwarded) process.on(name, this.listener);
  }

  [Symbol.dispose](): void {
    for (const name of forwarded) process.off(name, this.listener);
  }
}
